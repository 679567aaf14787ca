"""Where the links of a text are: http and https, with the scheme or without it.

The rules are those of twitter-text, with two differences: ``tlds`` says which names need no scheme, and a path may hold
the letters of every script that puts spaces between words, not only Latin and Cyrillic ones.

Everything is one walk from left to right over possessive matches, with hosts bounded at 253 characters, so the time
is linear in the length of the text whatever it holds.
"""

from typing import NamedTuple

import msgspec
import regex

from linnet.domain.characters import SPACED_WORD_CHARS, is_compatible
from linnet.domain.tlds import COUNTRIES, COUNTRIES_USED_AS_GENERIC, GENERIC, OWN_LETTERS

MAX_URL_CHARS = 4096
_MAX_HOST_CHARS = 253
_MAX_LABEL_CHARS = 63

# Not IGNORECASE: in Unicode the Kelvin sign and the long s are cases of k and s.
_SCHEME = regex.compile(r"[Hh][Tt][Tt][Pp][Ss]?://")
# After a scheme a host may be in any script, and hold emoji. A bare one is Latin: in other scripts, nothing would tell
# a missing space after a full stop from a host.
_ANY_HOST = regex.compile(rf"[\p{{L}}\p{{M}}\p{{N}}\p{{So}}._\-]{{1,{_MAX_HOST_CHARS + 1}}}+", regex.V1)
_LATIN_HOST = regex.compile(r"[[\p{Latin}&&\p{L}]0-9._\-]++", regex.V1)

_SPACED_WORD_CHAR = regex.compile(SPACED_WORD_CHARS, regex.V1)
_ASCII_WORD_CHAR = regex.compile(r"[A-Za-z0-9]")
_ASCII_TLD = regex.compile(r"[Xx][Nn]--[A-Za-z0-9\-]{1,58}+|[A-Za-z]{2,63}+", regex.V1)
_PORT = regex.compile(r":(\d{1,5}+)(?!\d)", regex.V1 | regex.ASCII)
_PATH_CHARS = regex.compile(rf"[{SPACED_WORD_CHARS}!#$%&'()*+,./:;=?@\[\]_|~\-]++", regex.V1)
# Punctuation that can be the last character of a link. Any other belongs to the sentence around it.
_LAST_PUNCTUATION = "+-=_#/"
_BRACKET = regex.compile(r"[()]")
# What every host has, and most texts have not: their full stops end sentences.
_INNER_DOT = regex.compile(r"\.\S")


class Link(msgspec.Struct, frozen=True):
    """``url`` is what was typed, with ``https://`` before it when no scheme was. Half-open offsets in code points."""

    url: str
    start: int
    end: int


class _Host(NamedTuple):
    end: int
    tld: str
    labels: int


def find_links(text: str) -> tuple[Link, ...]:
    """All links, in order, none overlapping. The text is NFC."""
    if not _INNER_DOT.search(text):
        return ()
    paths = _Paths(text)
    links: list[Link] = []
    with_scheme = _SCHEME.search(text)
    bare = _LATIN_HOST.search(text)
    while with_scheme or bare:
        if with_scheme and (bare is None or with_scheme.start() <= bare.start()):
            prefix, start, resume = "", with_scheme.start(), with_scheme.end()
            end = _end_with_scheme(paths, start, resume)
            with_scheme = _SCHEME.search(text, end or resume)
        else:
            assert bare is not None
            prefix, start, resume = "https://", bare.start(), bare.end()
            end = _end_bare(paths, start, resume)
            bare = _LATIN_HOST.search(text, end or resume)
        if end is None:
            continue
        # Both searches go on behind the link. One that is too long is passed over as a whole, and is plain text.
        if with_scheme and with_scheme.start() < end:
            with_scheme = _SCHEME.search(text, end)
        if bare and bare.start() < end:
            bare = _LATIN_HOST.search(text, end)
        if len(prefix) + end - start <= MAX_URL_CHARS:
            links.append(Link(prefix + text[start:end], start, end))
    return tuple(links)


class _Paths:
    """Where paths end in one text. Keeps what it has looked at, so that many links look at no character twice."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._run_end = 0
        self._closed_by = _match_brackets(text) if "(" in text else {}

    def end_after(self, start: int) -> int:
        """Where path, query and fragment end that begin at ``start``, which is ``start`` when there are none.

        Punctuation and brackets that belong to the sentence stay outside: ``(see http://example.com/a_(b).)``.
        """
        text = self.text
        if not text.startswith(("/", "?", "#"), start):
            return start
        if start >= self._run_end:
            run = _PATH_CHARS.match(text, start)
            self._run_end = run.end() if run else start
        end = position = start
        while position < self._run_end:
            character = text[position]
            if character == ")":
                break
            if character == "(":
                closing = self._closed_by.get(position)
                if closing is None or closing >= self._run_end:
                    break
                end = position = closing + 1
                continue
            position += 1
            if character in _LAST_PUNCTUATION or character.isalnum() or not character.isascii():
                end = position
        return end


def _match_brackets(text: str) -> dict[int, int]:
    """For each round bracket that is closed, where."""
    closed_by: dict[int, int] = {}
    opened: list[int] = []
    for bracket in _BRACKET.finditer(text):
        if bracket[0] == "(":
            opened.append(bracket.start())
        elif opened:
            closed_by[opened.pop()] = bracket.start()
    return closed_by


def _end_with_scheme(paths: _Paths, start: int, host_start: int) -> int | None:
    text = paths.text
    # "xhttp://" is another scheme; "#http://", "@http://" and "$http://" are somebody's puzzle, not a link.
    if start and (text[start - 1] in "@＠#＃$" or _ASCII_WORD_CHAR.match(text, start - 1)):
        return None
    run = _ANY_HOST.match(text, host_start)
    host = _find_host(text, host_start, run.end()) if run else None
    if host is None:
        return None
    after_port = _end_of_port(text, host.end)
    # "http://bank.example@evil.example" goes to evil.example: what stands before the @ is a user, not a host.
    return None if text.startswith("@", after_port) else paths.end_after(after_port)


def _end_bare(paths: _Paths, start: int, run_end: int) -> int | None:
    text = paths.text
    # A run before an @ is the first half of an e-mail address; one behind the others is the second half, the rest of
    # a word, of a path or of another scheme's URL. Runs start at any of "-_." themselves, and no label may.
    if text.startswith(("@", "＠"), run_end):
        return None
    if start and (text[start - 1] in "@＠#＃$/" or _SPACED_WORD_CHAR.match(text, start - 1)):
        return None
    if run_end - start > _MAX_HOST_CHARS or "." not in text[start:run_end]:
        return None
    host = _find_host(text, start, run_end, known_only=True)
    if host is None:
        return None
    after_port = _end_of_port(text, host.end)
    needs_path = host.labels == 2 and host.tld in COUNTRIES and host.tld not in COUNTRIES_USED_AS_GENERIC
    if needs_path and not text.startswith("/", after_port):
        return None
    return paths.end_after(after_port)


def _find_host(text: str, start: int, run_end: int, *, known_only: bool = False) -> _Host | None:
    """The longest host at the start of a run of host characters, which may have swallowed the words behind it."""
    found: _Host | None = None
    label_start = start
    labels = text[start:run_end].split(".")
    for position, label in enumerate(labels):
        # The registered name itself, right before the top-level domain, has no underscore; names below it may.
        if position and "_" not in labels[position - 1]:
            tld_end = _end_of_tld(text, label_start, label_start + len(label), known_only=known_only)
            if tld_end is not None and tld_end - start <= _MAX_HOST_CHARS and is_compatible(text[start:tld_end]):
                found = _Host(tld_end, text[label_start:tld_end].lower(), position + 1)
        if not label or len(label) > _MAX_LABEL_CHARS or label[0] in "-_" or label[-1] in "-_":
            break
        label_start += len(label) + 1
    return found


def _end_of_tld(text: str, start: int, label_end: int, *, known_only: bool) -> int | None:
    end: int | None = None
    if ascii_tld := _ASCII_TLD.match(text, start, label_end):
        tld = ascii_tld[0].lower()
        if not known_only or tld in GENERIC or tld in COUNTRIES or tld.startswith("xn--"):
            end = ascii_tld.end()
    elif not known_only:
        end = next((start + len(tld) for tld in OWN_LETTERS if text.startswith(tld, start, label_end)), None)
    # A word that merely begins like a top-level domain is none.
    return None if end is None or _SPACED_WORD_CHAR.match(text, end) else end


def _end_of_port(text: str, start: int) -> int:
    # The bound matters: regex looks for the colon first, and would look through the whole text for it.
    port = _PORT.match(text, start, start + 7)
    return port.end() if port and 1 <= int(port[1]) <= 65_535 else start
