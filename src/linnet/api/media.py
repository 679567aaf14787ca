"""Pictures, for everybody: chosen ones and those of tweets from the store, and the birds of those who chose none.

An address is made from what lies at it, so a browser may keep it for ever, and asks a second time only to be told so.
"""

from linnet.api.answers import Answer, Header
from linnet.api.endpoints import Call, Endpoint, HeaderDoc, Success
from linnet.api.params import parse_id
from linnet.domain.attachments import (
    ATTACHMENT_FILES,
    ATTACHMENT_MEDIA_TYPE,
    attachment_path,
    is_attachment_name,
)
from linnet.domain.avatars import AVATAR_MEDIA_TYPE, AVATAR_SIDES, avatar_file, avatar_path, is_avatar_name
from linnet.errors import PictureNotFound
from linnet.ids import UserId
from linnet.read.views.birds import BIRD_EDITION, draw_bird

_SVG = "image/svg+xml"
_FILES = {avatar_file(side): side for side in AVATAR_SIDES}
# A picture is only a picture, also for whoever opens it by itself: nothing in it may run, load or be framed.
_HEADERS: list[Header] = [
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    # Apps in a browser draw them on a canvas of their own.
    (b"access-control-allow-origin", b"*"),
]


async def get_avatar(call: Call) -> Answer:
    """Read a picture that somebody chose

    Its address never leads to another one, so it may be kept for ever.
    """
    avatar, side = call.path("avatar"), _FILES.get(call.path("size"))
    if side is None or not is_avatar_name(avatar):
        raise PictureNotFound
    etag = f'"{avatar}-{side}"'
    if _has_it(call, etag):
        return _unchanged(etag)
    content = await call.services.read.media.find(avatar_path(avatar, side))
    if content is None:
        raise PictureNotFound
    return _picture(content, AVATAR_MEDIA_TYPE, etag)


async def get_attachment_file(call: Call) -> Answer:
    """Read a picture that stands in a tweet

    Its address never leads to another one, so it may be kept for ever; nobody can guess it.
    """
    name, file = call.path("attachment"), call.path("file")
    if file not in ATTACHMENT_FILES or not is_attachment_name(name):
        raise PictureNotFound
    etag = f'"{name}-{file.removesuffix(".webp")}"'
    if _has_it(call, etag):
        return _unchanged(etag)
    content = await call.services.read.media.find(attachment_path(name, file))
    if content is None:
        raise PictureNotFound
    return _picture(content, ATTACHMENT_MEDIA_TYPE, etag)


async def get_default_avatar(call: Call) -> Answer:
    """Read the picture of somebody who chose none

    A bird, drawn from nothing but the id: always the same one.
    """
    number, dot, suffix = call.path("bird").partition(".")
    user_id = parse_id(number)
    if user_id is None or f"{dot}{suffix}" != ".svg":
        raise PictureNotFound
    etag = f'"bird-{BIRD_EDITION}-{user_id}"'
    if _has_it(call, etag):
        return _unchanged(etag)
    return _picture(draw_bird(UserId(user_id)), _SVG, etag)


def _has_it(call: Call, etag: str) -> bool:
    known = call.header("If-None-Match") or ""
    return known.strip() == "*" or etag in [part.strip().removeprefix("W/") for part in known.split(",")]


def _picture(content: bytes, media_type: str, etag: str) -> Answer:
    length = (b"content-length", b"%d" % len(content))
    return Answer(200, content, [(b"content-type", media_type.encode()), (b"etag", etag.encode()), length, *_HEADERS])


def _unchanged(etag: str) -> Answer:
    return Answer(304, b"", [(b"etag", etag.encode()), *_HEADERS])


_IF_NONE_MATCH = HeaderDoc("If-None-Match", "The `ETag` of a picture that one has.", '"bird-1-116949214904582144"')
_ETAG = HeaderDoc("ETag", "Names this picture.", '"bird-1-116949214904582144"')
_CACHE_CONTROL = HeaderDoc("Cache-Control", "It may be kept for ever.", "public, max-age=31536000, immutable")
_UNCHANGED = Success("The picture that one has is this one.", status=304)

# Whoever reads a page asks for all of its pictures at once: they are not counted as requests.
ENDPOINTS = (
    Endpoint(
        "GET",
        "/media/avatars/{avatar}/{size}",
        get_avatar,
        "media",
        Success("The picture.", bytes, headers=(_ETAG, _CACHE_CONTROL), media_type=AVATAR_MEDIA_TYPE),
        access="everyone",
        headers=(_IF_NONE_MATCH,),
        problems=(PictureNotFound,),
        failure=_UNCHANGED,
        limit="",
    ),
    Endpoint(
        "GET",
        "/media/attachments/{attachment}/{file}",
        get_attachment_file,
        "media",
        Success("The picture.", bytes, headers=(_ETAG, _CACHE_CONTROL), media_type=ATTACHMENT_MEDIA_TYPE),
        access="everyone",
        headers=(_IF_NONE_MATCH,),
        problems=(PictureNotFound,),
        failure=_UNCHANGED,
        limit="",
    ),
    Endpoint(
        "GET",
        "/media/avatars/default/{bird}",
        get_default_avatar,
        "media",
        Success("The picture.", bytes, headers=(_ETAG, _CACHE_CONTROL), media_type=_SVG),
        access="everyone",
        headers=(_IF_NONE_MATCH,),
        problems=(PictureNotFound,),
        failure=_UNCHANGED,
        limit="",
    ),
)
