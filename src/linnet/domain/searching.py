"""What people may write into the search field, and what it means.

``birds -pigeons "at the window" from:ada since:2026-01-31 has:link #garden @linus``: all of it must hold. Nothing that
is typed is a mistake: an operator that does not exist, or a day that does not, is taken as words. There are two bounds:
a search must hold something that narrows it down, and it is not longer than a tweet would be.

| written | finds tweets |
|---|---|
| `word` | with the word, or another form of it in the tweet's language |
| `"some words"` | with exactly these words in a row |
| `#tag`, `@name` | with the hashtag; that mention somebody |
| `from:name`, `to:name` | by somebody; that answer or mention them |
| `since:2026-01-31`, `until:2026-02-28` | from the first day on; before the second (days of UTC) |
| `has:link`, `has:hashtag`, `has:mention`, `has:picture`, `is:reply` | that are like this |
| `-` before any of these but days | that are not |
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, Literal

import msgspec
import regex

from linnet.domain.characters import WHITE_SPACE, find_forbidden
from linnet.domain.documents import (
    HAS_HASHTAG,
    HAS_LINK,
    HAS_MENTION,
    HAS_PICTURE,
    IS_REPLY,
    answered_mark,
    author_mark,
    mention_mark,
    quote,
    stem_mark,
    tag_mark,
)
from linnet.domain.hashtags import find_hashtags, fold_tag
from linnet.domain.languages import DICTIONARIES, languages_of
from linnet.domain.mentions import find_mentions
from linnet.domain.words import Word, find_asked_words
from linnet.errors import Invalid
from linnet.ids import MAX_ID, first_id_at

MAX_QUERY_CHARS = 300
MAX_TERMS = 20
# Of all terms together: one run of spaceless letters can be many pairs.
_MAX_WORDS: Final = 60

_TERM = regex.compile(r"(?P<minus>-?)(?:[\"“”„](?P<phrase>[^\"“”„]*)[\"“”„]?|(?P<plain>[^\s\"“”„]+))", regex.V1)
_OPERATOR = regex.compile(r"(?P<name>[a-z]+):(?P<value>[^\s:]+)", regex.IGNORECASE | regex.V1)
_USERNAME = regex.compile(r"@?([A-Za-z0-9_]{1,30})")
_DAY = regex.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MARKS: Final[dict[str, str]] = {
    "has:link": HAS_LINK,
    "has:links": HAS_LINK,
    "has:hashtag": HAS_HASHTAG,
    "has:hashtags": HAS_HASHTAG,
    "has:tag": HAS_HASHTAG,
    "has:tags": HAS_HASHTAG,
    "has:mention": HAS_MENTION,
    "has:mentions": HAS_MENTION,
    "has:picture": HAS_PICTURE,
    "has:pictures": HAS_PICTURE,
    "has:image": HAS_PICTURE,
    "has:media": HAS_PICTURE,
    "is:reply": IS_REPLY,
    "has:reply": IS_REPLY,
}

_EMPTY: Final = "Please say what to look for."
_UNBOUNDED: Final = (
    "That would be nearly all there is: please add a word that the tweets hold, whose they are (from:name, to:name), or"
    " since when (since:2026-01-31)."
)

Kind = Literal["words", "tag", "mark", "mention", "from", "to"]
_NARROWING: Final[frozenset[Kind]] = frozenset({"words", "tag", "mention", "from", "to"})


class Term(msgspec.Struct, frozen=True):
    """One thing that must hold, or must not: ``words`` in a row, or what ``name`` says.

    It is a username for ``mention``, ``from`` and ``to``, and a mark of documents for the others.
    """

    kind: Kind
    words: tuple[Word, ...] = ()
    name: str = ""
    is_negated: bool = False
    is_exact: bool = False


class TweetSearch(msgspec.Struct, frozen=True):
    """All of ``terms`` hold, of ids in ``from_id`` ≤ id < ``before_id``. No terms and no bounds: nothing is found."""

    terms: tuple[Term, ...]
    from_id: int = 0
    before_id: int = MAX_ID

    @property
    def usernames(self) -> set[str]:
        """Whose ids are needed."""
        return {term.name for term in self.terms if term.kind in ("from", "to")}

    @property
    def authors(self) -> set[str]:
        """Any of whom wrote it; empty: anybody."""
        return {term.name for term in self.terms if term.kind == "from" and not term.is_negated}

    @property
    def narrows(self) -> bool:
        """Whether it names something that most tweets do not have."""
        return any(_narrows(term) for term in self.terms)

    @property
    def finds_nothing(self) -> bool:
        """Such as a search for punctuation."""
        return not self.terms and not self.from_id


def check_query(raw: str, *, field: str = "q") -> str:
    """What was typed, trimmed. Raises ``Invalid`` when it is empty or longer than anybody's search."""
    query = raw.strip(WHITE_SPACE)
    if not query:
        raise Invalid.field(field, _EMPTY)
    if len(raw) > MAX_QUERY_CHARS:
        raise Invalid.field(field, f"A search has at most {MAX_QUERY_CHARS} characters; this one has {len(raw)}.")
    if forbidden := find_forbidden(query.replace("\r", "\n").replace("\t", " ")):
        raise Invalid.field(field, f"The search holds {forbidden}. Please remove it.")
    return query


def parse_search(query: str, *, field: str = "q") -> TweetSearch:
    """What a query means; terms beyond the twentieth are left out. Raises ``Invalid`` when nothing narrows it down."""
    terms: list[Term] = []
    from_id, before_id = 0, MAX_ID
    for match in list(_TERM.finditer(query))[:MAX_TERMS]:
        is_negated = match["minus"] == "-"
        if match["plain"] is None:
            terms.append(Term("words", _asked(match["phrase"]), is_negated=is_negated, is_exact=True))
        elif not is_negated and (day := _day_of(match["plain"])) is not None:
            is_since, bound = day
            from_id, before_id = (max(from_id, bound), before_id) if is_since else (from_id, min(before_id, bound))
        else:
            terms.append(_plain_term(match["plain"], is_negated=is_negated))
    terms = _bounded([term for term in terms if term.kind != "words" or term.words])
    if terms and not from_id and not any(_narrows(term) for term in terms):
        raise Invalid.field(field, _UNBOUNDED)
    if not terms and not from_id and before_id != MAX_ID:
        raise Invalid.field(field, _UNBOUNDED)
    return TweetSearch(tuple(terms), from_id, before_id)


def stems_needed(search: TweetSearch) -> set[tuple[str, str]]:
    """Languages and words whose stems ``tsquery_of`` looks for."""
    return {
        (language, term.words[0].text)
        for term in search.terms
        if _is_stemmed(term)
        for language in languages_of(term.words[0].text)
        if language in DICTIONARIES
    }


def tsquery_of(
    search: TweetSearch,
    *,
    user_ids: Mapping[str, int],
    stems: Mapping[str, Sequence[tuple[str, str]]],
    slices: Sequence[str] = (),
) -> str | None:
    """The search as a tsquery; None when it can find nothing. "" asks for nothing but the bounds.

    ``user_ids`` by username, ``stems`` (language, stem) by word. ``slices``: one of them must hold, too.
    """
    parts: list[str] = []
    if slices:
        parts.append(_any(map(quote, slices)))
    authors = [term for term in search.terms if term.kind == "from" and not term.is_negated]
    if authors:
        known = [user_ids[term.name] for term in authors if term.name in user_ids]
        if not known:
            return None
        # Nobody writes with two pens: of several authors, any.
        parts.append(_any(quote(author_mark(user_id)) for user_id in known))
    for term in search.terms:
        if term in authors:
            continue
        part = _part_of(term, user_ids, stems)
        if term.is_negated:
            if part:
                parts.append(f"!({part})")
        elif part is None:
            return None
        else:
            parts.append(part)
    return " & ".join(parts)


def _part_of(term: Term, user_ids: Mapping[str, int], stems: Mapping[str, Sequence[tuple[str, str]]]) -> str | None:
    if term.kind in ("mark", "tag"):
        return quote(term.name)
    if term.kind == "mention":
        return quote(mention_mark(term.name))
    if term.kind == "from":
        return quote(author_mark(user_ids[term.name])) if term.name in user_ids else None
    if term.kind == "to":
        answered = [answered_mark(user_ids[term.name])] if term.name in user_ids else []
        return _any(map(quote, [*answered, mention_mark(term.name)]))
    if len(term.words) == 1:
        asked = term.words[0]
        forms = [quote(asked.text) + (":*" if asked.is_start else "")]
        if _is_stemmed(term):
            forms += [quote(stem_mark(language, stem)) for language, stem in stems.get(asked.text, ())]
        return _any(forms)
    return "(" + " <-> ".join(quote(word.text) + (":*" if word.is_start else "") for word in term.words) + ")"


def _any(parts: Iterable[str]) -> str:
    alternatives = list(parts)
    return alternatives[0] if len(alternatives) == 1 else "(" + " | ".join(alternatives) + ")"


def _plain_term(typed: str, *, is_negated: bool) -> Term:
    if mark := _MARKS.get(typed.lower()):
        return Term("mark", name=mark, is_negated=is_negated)
    if (operator := _OPERATOR.fullmatch(typed)) and (username := _USERNAME.fullmatch(operator["value"])):
        match operator["name"].lower():
            case "from":
                return Term("from", name=username[1].lower(), is_negated=is_negated)
            case "to":
                return Term("to", name=username[1].lower(), is_negated=is_negated)
    # Punctuation around a tag or a name belongs to nobody; letters around it make it a word like others.
    if (tags := find_hashtags(typed)) and not _asked(typed[: tags[0].start] + " " + typed[tags[0].end :]):
        return Term("tag", name=tag_mark(fold_tag(tags[0].text)), is_negated=is_negated)
    if (found := find_mentions(typed)) and not _asked(typed[: found[0].start] + " " + typed[found[0].end :]):
        return Term("mention", name=found[0].username, is_negated=is_negated)
    return Term("words", _asked(typed), is_negated=is_negated)


def _asked(typed: str) -> tuple[Word, ...]:
    return tuple(find_asked_words(typed))


def _day_of(typed: str) -> tuple[bool, int] | None:
    """Whether it is ``since``, and the first id of its day; None for what is no such operator, or no such day."""
    name, _, text = typed.partition(":")
    if name.lower() not in ("since", "until") or not _DAY.fullmatch(text):
        return None
    try:
        start = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        return None
    milliseconds = int(start.timestamp() * 1000)
    return name.lower() == "since", min(MAX_ID, first_id_at(max(0, milliseconds)))


def _bounded(terms: Sequence[Term]) -> list[Term]:
    """Without what goes beyond the words that one search may have."""
    kept: list[Term] = []
    room = _MAX_WORDS
    for term in terms:
        words = term.words[:room]
        room -= len(words)
        if words or term.kind != "words":
            kept.append(msgspec.structs.replace(term, words=words))
    return kept


def _narrows(term: Term) -> bool:
    return term.kind in _NARROWING and not term.is_negated


def _is_stemmed(term: Term) -> bool:
    return term.kind == "words" and not term.is_exact and len(term.words) == 1 and not term.words[0].is_start
