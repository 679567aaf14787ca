"""Everything that reads what strangers send, and what must hold of it whatever that is.

Each target takes an input and raises when something is not as it should be. ``test_quick.py`` tries the same few inputs
at each run; ``python -m tests.fuzz SECONDS`` looks for new ones for as long as one likes.
"""

import asyncio
import re
import struct
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from hypothesis import strategies as st
from litestar.exceptions import HTTPException

from linnet.api.app import ENDPOINTS
from linnet.api.bodies import _SENTENCES, pick_fields, read_fields, read_file, read_json_object
from linnet.api.params import parse_id, parse_query, parse_range
from linnet.api.problems import Refused
from linnet.domain.addresses import UNKNOWN, Proxies, parse_proxies
from linnet.domain.event import EVENT_TYPES, decode_event, encode_event
from linnet.domain.names import check_display_name, check_email, check_password, check_username, fold_login
from linnet.domain.profiles import check_bio, check_location, check_phone
from linnet.domain.searching import MAX_TERMS, check_query, parse_search
from linnet.domain.text import TextRules, check_text, find_entities, normalise
from linnet.domain.timeline import Entry, Range, pack_entry, unpack_entry
from linnet.errors import Invalid
from linnet.ids import MAX_ID, TweetId, UserId
from linnet.read.streams import parse_bookmark
from linnet.read.streams.bookmarks import PATTERN
from linnet.read.views.tweets import EntitiesView
from linnet.settings import SettingsError, read_settings
from linnet.settings.table import SETTINGS, mask_url
from linnet.stores.valkey.changes import Change, decode_change
from linnet.stores.valkey.packedids import PackedIds, pack_ids, unpack_ids
from linnet.stores.valkey.windows import pack_people, unpack_people
from linnet.web.answers import takes_gzip
from linnet.web.asking import safe_path
from linnet.web.forms import FormTooLarge, read_form
from linnet.web.richtext import render_text
from linnet.web.sessions import COOKIE, csrf_of, is_csrf_of, token_of

T = TypeVar("T")


class Target(msgspec.Struct, frozen=True):
    """``check`` raises for an input of ``inputs`` that is not treated as it should be."""

    name: str
    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]


TARGETS: list[Target] = []


def target(inputs: st.SearchStrategy[T]) -> Callable[[Callable[[T], None]], Callable[[T], None]]:
    def add(check: Callable[[T], None]) -> Callable[[T], None]:
        TARGETS.append(Target(check.__name__, inputs, check))
        return check

    return add


# Characters that mean something to somebody on the way, between those that mean nothing.
_PIECES = st.sampled_from(
    [
        *[
            "#",
            "＃",
            "@",
            "＠",
            "#tag",
            "@ada",
            "a.com",
            "http://",
            "https://b.org/x?y=z#q",
            "/",
            "(",
            ")",
            ".",
            " ",
            "\n",
        ],
        *[
            "RT",
            "漢字",
            "한국",
            "שלום",
            "é",
            "e\u0301",
            "\u200d",
            "\ufe0f",
            "\u20e3",
            "🎉",
            "👩‍👩‍👧",
            "_",
            "-",
            ":",
            "1",
        ],
        *[
            "\ud800",
            "\x00",
            "\u202e",
            "\u2028",
            "\ufdfa",
            "ß",
            "ﬁ",
            "İ",
            "ſ",
            "K",
            "<",
            ">",
            "&",
            '"',
            "'",
            "\\",
            "%00",
        ],
        *[
            "from:ada",
            "since:2026-01-31",
            "until:",
            "has:link",
            "-",
            '"',
            "“",
            "null",
            "0",
            "-1",
            "9" * 30,
            "\r\n",
            "\t",
        ],
    ]
)
TEXT = st.lists(_PIECES | st.text(max_size=4), max_size=30).map("".join) | st.text(st.characters(codec=None))
_IDS = st.integers(1, MAX_ID)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)
BYTES = st.binary(max_size=300) | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass"))
RULES = TextRules()


def assert_said(refused: Invalid, *fields: str) -> None:
    """In words that can be sent, about these fields."""
    assert refused.errors
    assert all(error.message and len(error.field) <= 64 for error in refused.errors)
    assert not fields or {error.field for error in refused.errors} <= set(fields)
    msgspec.json.encode(refused.errors)


# What people write


@target(TEXT)
def a_tweets_text_is_refused_in_words_or_whole_and_its_entities_lie_in_it(raw: str) -> None:
    try:
        checked = check_text(raw, RULES)
    except Invalid as refused:
        assert_said(refused, "text")
        return
    text, entities = checked.text, checked.entities
    assert unicodedata.is_normalized("NFC", text)
    assert normalise(text) == text
    assert check_text(text, RULES) == checked
    assert find_entities(text, RULES) == entities
    assert 1 <= checked.chars <= RULES.max_chars
    everything: list[Any] = sorted(
        [*entities.hashtags, *entities.mentions, *entities.links], key=lambda entity: int(entity.start)
    )
    end = 0
    for entity in everything:
        assert end <= entity.start < entity.end <= len(text)
        end = entity.end
    assert all(text[tag.start + 1 : tag.end] == tag.text for tag in entities.hashtags)
    assert all(text[each.start + 1 : each.end].lower() == each.username for each in entities.mentions)
    assert all(link.url.endswith(text[link.start : link.end]) for link in entities.links)


@target(TEXT)
def what_is_written_comes_out_as_text_with_our_own_links_alone(raw: str) -> None:
    text = normalise(raw)
    found = find_entities(text, RULES)
    markup = str(render_text(text, msgspec.convert(msgspec.to_builtins(found) | {"mentions": []}, EntitiesView)))
    tags = set(re.findall(r"</?([a-z]+)", markup))
    assert tags <= {"a"}
    assert markup.count("<a ") == markup.count("</a>") == len(found.hashtags) + len(found.links)
    assert all(address.startswith(("/tags/", "http://", "https://")) for address in _addresses(markup))


def _addresses(markup: str) -> list[str]:
    return [address.lower() for address in re.findall(r'href="([^"]*)"', markup)]


@target(TEXT)
def names_and_profiles_are_refused_in_words_or_stay_as_they_are(raw: str) -> None:
    for check in (
        *(check_username, check_display_name, check_email, check_password),
        *(check_bio, check_location, check_phone),
    ):
        try:
            checked = check(raw)
        except Invalid as refused:
            assert_said(refused)
            continue
        checked.encode()
        assert "\0" not in checked or check is check_password
        assert check(checked) == checked
    fold_login(raw)


@target(TEXT)
def a_search_is_refused_in_words_or_understood(raw: str) -> None:
    try:
        search = parse_search(check_query(raw))
    except Invalid as refused:
        assert_said(refused, "q")
        return
    assert len(search.terms) <= MAX_TERMS
    assert search.from_id >= 0
    assert search.before_id <= MAX_ID
    assert all(re.fullmatch("[a-z0-9_]{1,30}", name) for name in search.usernames)


# What programs and browsers send


@target(TEXT)
def an_id_is_a_number_that_is_written_in_one_way(text: str) -> None:
    number = parse_id(text)
    assert number is None or (str(number) == text and 1 <= number <= MAX_ID)


@target(st.builds(Range, st.integers(1, 100), st.integers(1, MAX_ID), st.integers(1, MAX_ID)))
def a_cursor_comes_back_as_it_was(wanted: Range) -> None:
    query = f"before={wanted.before}&after={wanted.after}&limit={wanted.limit}"
    assert parse_range(query.encode()) == wanted


_NAMES = st.sampled_from(["limit", "before", "after", "limit", "q", "%6cimit", "", "x" * 100]) | TEXT
_PAIRS = st.lists(st.tuples(_NAMES, TEXT | _IDS.map(str), st.booleans()), max_size=6)


def _query_of(pairs: list[tuple[str, str, bool]]) -> bytes:
    def spelled(text: str, *, plainly: bool) -> str:
        return text if plainly else quote(text.encode("utf-8", "surrogatepass"), safe="")

    joined = "&".join(f"{spelled(name, plainly=plain)}={spelled(value, plainly=plain)}" for name, value, plain in pairs)
    return joined.encode("utf-8", "surrogatepass")


@target(BYTES | _PAIRS.map(_query_of))
def a_query_is_refused_with_its_fields_or_read(query: bytes) -> None:
    for read in (parse_range, lambda raw: parse_query(raw, ("limit", "q"))):
        try:
            found = read(query)
        except Invalid as refused:
            assert_said(refused)
            continue
        if isinstance(found, Range):
            assert 1 <= found.limit <= 100
            assert 0 <= found.after <= MAX_ID
            assert 1 <= found.before <= MAX_ID
        else:
            assert set(found) <= {"limit", "q"}


@target(
    TEXT | st.from_regex(PATTERN, fullmatch=True) | st.from_regex(r"[0-9]{1,22}(\.[0-9]{1,22}(\.[0-9a-f]{1,17})?)?")
)
def a_bookmark_comes_back_as_it_was_or_is_none(text: str) -> None:
    found = parse_bookmark(text)
    assert found is None or str(found) == text


def _receiving(content: bytes) -> Callable[[], Awaitable[Any]]:
    async def receive() -> Any:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


def _scope(content_type: bytes) -> Any:
    return {"headers": [(b"content-type", content_type)]}


_WISHES = list(dict.fromkeys(endpoint.body for endpoint in ENDPOINTS if endpoint.body is not None))
# Others are picked from: their actions judge the fields.
_READ = [wish for wish in _WISHES if all(field.type in _SENTENCES for field in msgspec.structs.fields(wish))]
_ENCODED = JSON.map(lambda value: msgspec.json.encode(_encodable(value)))
_FIELDS = st.dictionaries(
    st.sampled_from(sorted({name for wish in _WISHES for name in wish.__struct_encode_fields__})),
    JSON,
    max_size=4,
).map(lambda value: msgspec.json.encode(_encodable(value)))


def _encodable(value: Any) -> Any:
    """Without what JSON has no way to write; and halves of characters, which it has, go as bytes that are no text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_encodable(each) for each in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return str(value)
    return value


@target(BYTES | _ENCODED | _FIELDS)
def a_body_is_refused_or_has_what_every_endpoint_asks_for(content: bytes) -> None:
    try:
        reading = read_json_object(
            _scope(b"application/json"), _receiving(content), max_bytes=65_536, timeout_seconds=60.0
        )
        body = asyncio.run(reading)
    except (Refused, Invalid):
        return
    for wish in _WISHES:
        for read in (pick_fields, read_fields) if wish in _READ else (pick_fields,):
            try:
                read(body, wish)
            except Invalid as refused:
                assert_said(refused)


_BOUNDARY = "b0undary"
_HEADERS = st.sampled_from(
    [
        b'Content-Disposition: form-data; name="picture"; filename="a.png"',
        b'Content-Disposition: form-data; name="text"',
        b'Content-Disposition: form-data; name="../../x"; filename="../../etc/passwd"',
        b'Content-Disposition: form-data; filename="\x00"',
        b"Content-Disposition: attachment",
        b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64",
        b"X: " + b"x" * 5000,
        b"",
    ]
)
_PARTS = st.lists(st.tuples(_HEADERS, BYTES), max_size=4).map(
    lambda parts: (
        b"".join(b"--b0undary\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
        + b"--b0undary--\r\n"
    )
)
_TYPES = st.sampled_from(
    [
        b"application/x-www-form-urlencoded",
        f"multipart/form-data; boundary={_BOUNDARY}".encode(),
        b'multipart/form-data; boundary="\xff"',
        b"multipart/form-data",
        b"image/png",
        b"\xff;;=",
    ]
)


@target(st.tuples(_TYPES, BYTES | _PARTS | _PAIRS.map(_query_of)))
def a_form_is_refused_or_read(sent: tuple[bytes, bytes]) -> None:
    content_type, content = sent
    try:
        form = asyncio.run(read_form(_scope(content_type), _receiving(content), max_bytes=2000))
    except (HTTPException, FormTooLarge):
        form = None
    if form is not None:
        assert all(isinstance(value, str) for value in form.fields.values())
        assert all(isinstance(value, bytes) for value in form.files.values())
    try:
        reading = read_file(
            _scope(content_type),
            _receiving(content),
            media_types=("image/png",),
            max_bytes=2000,
            timeout_seconds=60.0,
        )
        assert len(asyncio.run(reading)) <= 2000
    except Refused:
        pass


@target(TEXT | st.lists(st.sampled_from(list("/\\:@?#.%\t\n\r evilhtps")), max_size=12).map("".join))
def a_way_back_leads_nowhere_else(wanted: str) -> None:
    path = safe_path(wanted)
    assert path.isascii()
    assert not re.search(r"[\x00-\x1f\x7f\\]", path)
    # As browsers do it: control characters are taken out, backslashes are slashes.
    led = urlsplit(urljoin("https://linnet.test/@ada/1", path))
    assert (led.scheme, led.netloc) == ("https", "linnet.test"), wanted
    assert not path.startswith("//")


@target(st.lists(st.tuples(st.sampled_from([b"cookie", b"accept-encoding", b"x"]), BYTES), max_size=4))
def headers_of_browsers_are_read_whatever_they_are(headers: list[tuple[bytes, bytes]]) -> None:
    token = token_of(headers)
    assert token is None or any(COOKIE.encode() in value for _, value in headers)
    takes_gzip(headers)


@target(TEXT | st.binary(max_size=80).map(lambda raw: raw.hex()))
def nobody_guesses_what_a_form_carries(text: str) -> None:
    assert not is_csrf_of("somebody's token", text)
    assert is_csrf_of("somebody's token", csrf_of("somebody's token"))


_ADDRESSES = st.lists(st.ip_addresses().map(str) | st.sampled_from(["unix", "::ffff:1.2.3.4", "1.2.3.4:80", "[::1]:5"]))


@target(st.tuples(st.sampled_from(["", "10.0.0.0/8", "unix", "::/0"]), TEXT, _ADDRESSES | st.lists(TEXT, max_size=4)))
def whose_request_it_is_is_always_known(asked: tuple[str, str, list[str]]) -> None:
    trusted, peer, forwarded = asked
    client = Proxies(parse_proxies(trusted)).find_client(peer, forwarded)
    assert client == UNKNOWN or len(client) in (4, 9)
    if not trusted:
        assert client == Proxies(()).find_client(peer, [])


# What lies in stores, and what processes tell each other


@target(st.binary(max_size=40) | st.binary(min_size=16, max_size=16) | st.binary(min_size=32, max_size=32))
def packed_bytes_are_an_entry_or_none(packed: bytes) -> None:
    if len(packed) not in (16, 24, 32):
        try:
            unpack_entry(packed)
        except struct.error:
            return
        raise AssertionError("it is none")
    entry = unpack_entry(packed)
    if min(msgspec.structs.astuple(entry)[: len(packed) // 8]) > 0:
        assert pack_entry(entry) == packed


@target(st.builds(Entry, _IDS.map(TweetId), _IDS.map(UserId), _IDS.map(UserId), _IDS.map(TweetId)))
def an_entry_comes_back_as_it_was(retweet: Entry) -> None:
    reply = msgspec.structs.replace(retweet, original_id=TweetId(0))
    tweet = msgspec.structs.replace(reply, related_author_id=UserId(0))
    for entry, length in ((tweet, 16), (reply, 24), (retweet, 32)):
        packed = pack_entry(entry)
        assert len(packed) == length
        assert unpack_entry(packed) == entry
        assert int.from_bytes(packed[:8], "big") == entry.id


_PEOPLE = st.frozensets(_IDS, max_size=20)
_TAGS = st.frozensets(st.sampled_from(["cats", "a", "größe", "猫", "x" * 300, "ねこ"]), max_size=6)


@target(st.tuples(_PEOPLE, _PEOPLE, _PEOPLE, _IDS, _TAGS))
def packed_people_come_back_as_they_were(
    sets: tuple[frozenset[int], frozenset[int], frozenset[int], int, frozenset[str]],
) -> None:
    pulled, kept_away, set_aside, other, tags = sets
    ids = [[*map(UserId, each)] for each in (pulled, kept_away, set_aside)]
    found, away, aside, named = unpack_people(pack_people(ids[0], ids[1], ids[2], tags))
    assert found == pulled
    assert len(named) == len(tags)
    assert {*named} == tags
    everybody = pulled | kept_away | set_aside | {other}
    for packed_ids, expected in ((away, kept_away), (aside, set_aside)):
        assert len(packed_ids) == len(expected)
        assert {some for some in everybody if some in packed_ids} == expected
    packed = pack_ids([*map(UserId, pulled)])
    assert unpack_ids(packed) == pulled
    assert all(some in PackedIds(packed) for some in pulled)


@target(BYTES | st.lists(st.lists(_IDS | BYTES)).map(msgspec.msgpack.encode))
def what_processes_hear_is_a_change_or_refused(message: bytes) -> None:
    try:
        change = decode_change(message)
    except (msgspec.DecodeError, ValueError):
        return
    assert isinstance(change, Change)


@target(st.tuples(st.sampled_from([*EVENT_TYPES, "", "x"]), BYTES | _ENCODED))
def what_lies_in_the_outbox_is_an_event_or_refused(row: tuple[str, bytes]) -> None:
    try:
        event = decode_event(*row)
    except ValueError:
        return
    assert decode_event(event.kind, encode_event(event)) == event


@target(st.dictionaries(st.sampled_from([setting.name for setting in SETTINGS]), TEXT, max_size=4))
def settings_are_refused_with_all_that_is_wrong_or_read(environ: dict[str, str]) -> None:
    try:
        read_settings(environ)
    except SettingsError as refused:
        problems = refused.problems
    else:
        problems = []
    assert all(problem.startswith("LINNET_") for problem in problems)
    for text in environ.values():
        assert "hunter2" not in mask_url(f"postgresql://ada:hunter2@{text}")
