"""What this place is: the instance documents, nodeinfo, and the pictures of those who chose none."""

import struct
import zlib
from functools import cache
from html import escape
from typing import Any
from urllib.parse import urlsplit

import msgspec

from linnet.api.answers import Answer
from linnet.api.mastodon.accounts import local_name
from linnet.api.mastodon.answers import answer, raw_answer
from linnet.api.mastodon.content import account_url, plain_html
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.entities import Account
from linnet.api.mastodon.rendering import MISSING_HEADER, account_of
from linnet.clock import rfc3339
from linnet.domain.attachments import MAX_DESCRIPTION_CHARS
from linnet.domain.featured import MAX_FEATURED
from linnet.domain.polls import MAX_OPTION_CHARS, MAX_OPTIONS, MAX_SECONDS, MIN_SECONDS
from linnet.domain.profiles import MAX_FIELDS
from linnet.errors import NotFound, SignUpsClosed, UserNotFound
from linnet.read.timelines.people import user_by_username_screen
from linnet.read.timelines.place import contact_of
from linnet.stores.postgres.instance import Size

# Clients choose by it what to ask for: what is claimed has to be there.
_SPOKEN = "4.3.0"
_API_VERSION = 2
# An app that reads a time needs one; when the text was written nobody is told.
_UNKNOWN = rfc3339(0)
_LINK_CHARS = 23
_PICTURE_TYPES = ["image/jpeg", "image/png", "image/webp"]


async def get_instance(call: Call) -> Answer:
    """The newer document."""
    size = await call.size.fetch(call.read)
    place = call.write.options.place
    return answer(
        {
            "domain": _domain(call),
            "title": place.title,
            "version": _version(call),
            # Typed apps read it as an address, and throw all of this away if it is none.
            "source_url": f"{call.base}/",
            "description": place.description,
            "usage": {"users": {"active_month": size.active}},
            "thumbnail": {"url": call.base + MISSING_HEADER, "blurhash": None, "versions": {}},
            "icon": [],
            "languages": ["en"],
            "configuration": {
                "urls": {
                    "streaming": _streaming(call),
                    "status": None,
                    "about": f"{call.base}/about",
                    "privacy_policy": None,
                    "terms_of_service": None,
                },
                "vapid": {"public_key": await push_key(call)},
                **_limits(call),
                "translation": {"enabled": False},
                "limited_federation": True,
            },
            "registrations": {
                "enabled": place.takes_sign_ups,
                "approval_required": False,
                "reason_required": False,
                "message": None if place.takes_sign_ups else SignUpsClosed.public_sentence(),
                "min_age": None,
                "url": f"{call.base}/signup",
            },
            "api_versions": {"mastodon": _API_VERSION},
            "contact": {"email": place.contact_email, "account": await _contact(call)},
            "rules": _rules(call),
        }
    )


async def get_old_instance(call: Call) -> Answer:
    """The older document."""
    size = await call.size.fetch(call.read)
    place = call.write.options.place
    return answer(
        {
            "uri": _domain(call),
            "title": place.title,
            "short_description": place.description,
            "description": plain_html(place.about) or place.description,
            "email": place.contact_email,
            "version": _version(call),
            "urls": {"streaming_api": _streaming(call)},
            "stats": {"user_count": size.users, "status_count": size.tweets, "domain_count": 0},
            "thumbnail": call.base + MISSING_HEADER,
            "languages": ["en"],
            "registrations": place.takes_sign_ups,
            "approval_required": False,
            "invites_enabled": False,
            "configuration": _limits(call),
            "contact_account": await _contact(call),
            "rules": _rules(call),
        }
    )


async def get_activity(call: Call) -> Answer:
    """What was done here week by week, this one first."""
    return answer(
        [
            {
                "week": str(week.begins_ms // 1000),
                "statuses": str(week.tweets),
                "logins": str(week.logins),
                "registrations": str(week.sign_ups),
            }
            for week in await call.size.fetch_weeks(call.read)
        ]
    )


async def get_health(call: Call) -> Answer:
    """Whether the process is alive: whoever is not does not answer. Asks nothing of any store."""
    return raw_answer(b"OK", media_type=b"text/plain")


async def get_rules(call: Call) -> Answer:
    """What people agree to."""
    return answer(_rules(call))


async def get_extended_description(call: Call) -> Answer:
    """All that is said of this place, as markup."""
    return answer({"updated_at": _UNKNOWN, "content": plain_html(call.write.options.place.about)})


async def get_host_meta(call: Call) -> Answer:
    """Where others would look somebody up, as old clients ask whether this is a place like that."""
    template = f"{escape(call.base)}/.well-known/webfinger?resource={{uri}}"
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" template="{template}"/>\n</XRD>\n'
    )
    return raw_answer(body.encode(), media_type=b"application/xrd+xml")


async def get_webfinger(call: Call) -> Answer:
    """RFC 7033: whose name it is here, and where their page lies."""
    resource = call.query().text("resource")
    username = local_name(call, resource.removeprefix("acct:")) if resource.startswith("acct:") else None
    if username is None:
        raise UserNotFound
    user = await user_by_username_screen(call.read, None, username)
    page = {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html"}
    href = account_url(call.base, user.username)
    body = {
        "subject": f"acct:{user.username}@{_domain(call)}",
        "aliases": [href],
        "links": [{**page, "href": href}],
    }
    return raw_answer(msgspec.json.encode(body), media_type=b"application/jrd+json")


async def get_nodeinfo_links(call: Call) -> Answer:
    """Where the next one is."""
    rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
    return answer({"links": [{"rel": rel, "href": f"{call.base}/nodeinfo/2.0"}]})


async def get_nodeinfo(call: Call) -> Answer:
    """What runs here, in a form that all such places have."""
    size: Size = await call.size.fetch(call.read)
    place = call.write.options.place
    return answer(
        {
            "version": "2.0",
            "software": {"name": "linnet", "version": call.services.options.version},
            "protocols": [],
            "services": {"inbound": [], "outbound": []},
            "openRegistrations": place.takes_sign_ups,
            "usage": {"users": {"total": size.users, "activeMonth": size.active}, "localPosts": size.tweets},
            "metadata": {"nodeName": place.title, "nodeDescription": place.description},
        }
    )


async def get_missing(call: Call) -> Answer:
    """A picture of one colour, by whose name clients know that nobody chose it."""
    sides = {"header": (1500, 500), "avatar": (400, 400)}.get(call.path["kind"])
    if sides is None:
        raise NotFound
    return raw_answer(
        _plain_png(*sides), 200, (b"cross-origin-resource-policy", b"cross-origin"), media_type=b"image/png"
    )


@cache
def _plain_png(width: int, height: int) -> bytes:
    """The blue of the web app."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    lines = zlib.compress(b"\0" * ((width + 1) * height), 9)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"PLTE", b"\x2f\x5d\x8c"),
            chunk(b"IDAT", lines),
            chunk(b"IEND", b""),
        ]
    )


async def push_key(call: Call) -> str:
    """To which devices subscribe; empty where they cannot."""
    return await call.write.push_key.public() if call.write.options.push.enabled else ""


def _rules(call: Call) -> list[dict[str, str]]:
    """By their numbers, which a report may name."""
    rules = call.write.options.place.rules
    return [{"id": str(number), "text": rule, "hint": ""} for number, rule in enumerate(rules, 1)]


async def _contact(call: Call) -> Account | None:
    user = await contact_of(call.read, call.write.options.place)
    return None if user is None else account_of(call, user)


def _domain(call: Call) -> str:
    return urlsplit(call.base).netloc


def _streaming(call: Call) -> str:
    scheme, _, rest = call.base.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}"


def _version(call: Call) -> str:
    """Clients read the first number of it, and people the rest."""
    return f"{_SPOKEN} (compatible; linnet {call.services.options.version})"


def _limits(call: Call) -> dict[str, Any]:
    rules = call.write.options.photos
    return {
        "accounts": {"max_featured_tags": MAX_FEATURED, "max_pinned_statuses": 1, "max_profile_fields": MAX_FIELDS + 1},
        "statuses": {
            "max_characters": call.write.options.text.max_chars,
            "max_media_attachments": rules.per_tweet,
            "characters_reserved_per_url": _LINK_CHARS,
        },
        "media_attachments": {
            "supported_mime_types": _PICTURE_TYPES,
            "description_limit": MAX_DESCRIPTION_CHARS,
            "image_size_limit": rules.max_bytes,
            "image_matrix_limit": rules.max_pixels,
            "video_size_limit": 0,
            "video_matrix_limit": 0,
            "video_frame_rate_limit": 0,
        },
        "polls": {
            "max_options": MAX_OPTIONS,
            "max_characters_per_option": MAX_OPTION_CHARS,
            "min_expiration": MIN_SECONDS,
            "max_expiration": MAX_SECONDS,
        },
    }


ROUTES = (
    Route("GET", "/api/v2/instance", get_instance, access="everyone"),
    Route("GET", "/api/v1/instance", get_old_instance, access="everyone"),
    Route("GET", "/api/v1/instance/rules", get_rules, access="everyone"),
    Route("GET", "/api/v1/instance/activity", get_activity, access="everyone"),
    Route("GET", "/health", get_health, access="everyone", limit=""),
    Route("GET", "/api/v1/instance/extended_description", get_extended_description, access="everyone"),
    Route("GET", "/.well-known/host-meta", get_host_meta, access="everyone"),
    Route("GET", "/.well-known/webfinger", get_webfinger, access="everyone"),
    Route("GET", "/.well-known/nodeinfo", get_nodeinfo_links, access="everyone"),
    Route("GET", "/nodeinfo/2.0", get_nodeinfo, access="everyone"),
    Route("GET", "/api/v1/pictures/{kind}/missing.png", get_missing, access="everyone", limit=""),
)
