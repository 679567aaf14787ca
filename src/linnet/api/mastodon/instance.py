"""What this place is: the instance documents, nodeinfo, and the pictures of those who chose none."""

import struct
import zlib
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer, raw_answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.rendering import MISSING_HEADER
from linnet.errors import NotFound
from linnet.stores.postgres.instance import Size

# Clients choose by it what to ask for: what is claimed has to be there.
_SPOKEN = "4.3.0"
_API_VERSION = 2
_TITLE = "linnet"
_DESCRIPTION = "A place for short tweets, in an order that never loses one."
_LINK_CHARS = 23
_PICTURE_TYPES = ["image/jpeg", "image/png", "image/webp"]


async def get_instance(call: Call) -> Answer:
    """The newer document."""
    size = await call.size.fetch(call.read)
    return answer(
        {
            "domain": _domain(call),
            "title": _TITLE,
            "version": _version(call),
            # Typed apps read it as an address, and throw all of this away if it is none.
            "source_url": f"{call.base}/",
            "description": _DESCRIPTION,
            "usage": {"users": {"active_month": size.active}},
            "thumbnail": {"url": call.base + MISSING_HEADER, "blurhash": None, "versions": {}},
            "icon": [],
            "languages": ["en"],
            "configuration": {
                "urls": {
                    "streaming": _streaming(call),
                    "status": None,
                    "about": None,
                    "privacy_policy": None,
                    "terms_of_service": None,
                },
                "vapid": {"public_key": ""},
                **_limits(call),
                "translation": {"enabled": False},
                "limited_federation": True,
            },
            "registrations": {
                "enabled": True,
                "approval_required": False,
                "reason_required": False,
                "message": None,
                "min_age": None,
                "url": f"{call.base}/signup",
            },
            "api_versions": {"mastodon": _API_VERSION},
            "contact": {"email": "", "account": None},
            "rules": [],
        }
    )


async def get_old_instance(call: Call) -> Answer:
    """The older document."""
    size = await call.size.fetch(call.read)
    return answer(
        {
            "uri": _domain(call),
            "title": _TITLE,
            "short_description": _DESCRIPTION,
            "description": _DESCRIPTION,
            "email": "",
            "version": _version(call),
            "urls": {"streaming_api": _streaming(call)},
            "stats": {"user_count": size.users, "status_count": size.tweets, "domain_count": 0},
            "thumbnail": call.base + MISSING_HEADER,
            "languages": ["en"],
            "registrations": True,
            "approval_required": False,
            "invites_enabled": False,
            "configuration": _limits(call),
            "contact_account": None,
            "rules": [],
        }
    )


async def get_nodeinfo_links(call: Call) -> Answer:
    """Where the next one is."""
    rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
    return answer({"links": [{"rel": rel, "href": f"{call.base}/nodeinfo/2.0"}]})


async def get_nodeinfo(call: Call) -> Answer:
    """What runs here, in a form that all such places have."""
    size: Size = await call.size.fetch(call.read)
    return answer(
        {
            "version": "2.0",
            "software": {"name": "linnet", "version": call.services.options.version},
            "protocols": [],
            "services": {"inbound": [], "outbound": []},
            "openRegistrations": True,
            "usage": {"users": {"total": size.users, "activeMonth": size.active}, "localPosts": size.tweets},
            "metadata": {"nodeName": _TITLE, "nodeDescription": _DESCRIPTION},
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


def _domain(call: Call) -> str:
    return urlsplit(call.base).netloc


def _streaming(call: Call) -> str:
    scheme, _, rest = call.base.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}"


def _version(call: Call) -> str:
    """Clients read the first number of it, and people the rest."""
    return f"{_SPOKEN} (compatible; linnet {call.services.options.version})"


def _limits(call: Call) -> dict[str, Any]:
    rules = call.write.pictures.rules
    return {
        "accounts": {"max_featured_tags": 0, "max_pinned_statuses": 1, "max_profile_fields": 0},
        "statuses": {
            "max_characters": call.write.options.text.max_chars,
            "max_media_attachments": 0,
            "characters_reserved_per_url": _LINK_CHARS,
        },
        "media_attachments": {
            "supported_mime_types": _PICTURE_TYPES,
            "description_limit": 1500,
            "image_size_limit": rules.max_bytes,
            "image_matrix_limit": rules.max_pixels,
            "video_size_limit": 0,
            "video_matrix_limit": 0,
            "video_frame_rate_limit": 0,
        },
        "polls": {
            "max_options": 0,
            "max_characters_per_option": 0,
            "min_expiration": 300,
            "max_expiration": 2629746,
        },
    }


ROUTES = (
    Route("GET", "/api/v2/instance", get_instance, access="everyone"),
    Route("GET", "/api/v1/instance", get_old_instance, access="everyone"),
    Route("GET", "/.well-known/nodeinfo", get_nodeinfo_links, access="everyone"),
    Route("GET", "/nodeinfo/2.0", get_nodeinfo, access="everyone"),
    Route("GET", "/api/v1/pictures/{kind}/missing.png", get_missing, access="everyone", limit=""),
)
