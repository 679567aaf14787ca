"""What is typed into the search field means something, whatever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.domain.documents import document_of, slices_between
from linnet.domain.languages import DICTIONARIES, guess_language
from linnet.domain.matching import LEAST_ALIKE, alike_query, closeness, distinct, names_query, score, username_typed
from linnet.domain.searching import MAX_QUERY_CHARS, MAX_TERMS, check_query, parse_search, stems_needed, tsquery_of
from linnet.domain.text import TextRules
from linnet.domain.words import find_asked_words, find_words, fold
from linnet.errors import Invalid
from linnet.ids import MAX_ID, TweetId, UserId, first_id_at

IDS = {"ada": 36, "linus": 37}
DAY = first_id_at(1_769_817_600_000)  # 2026-01-31

# What is typed, and the tsquery that it becomes; None: nothing can be found.
QUERIES: dict[str, str | None] = {
    "finches": "'finches'",
    "Finches at": "'finches' & 'at'",
    '"Finches AT the"': "('finches' <-> 'at' <-> 'the')",
    "“finches at”": "('finches' <-> 'at')",
    '"finches': "'finches'",
    'one"two three"four': "'one' & ('two' <-> 'three') & 'four'",
    "-pigeons finches": "!('pigeons') & 'finches'",
    '-"grey pigeons" finches': "!(('grey' <-> 'pigeons')) & 'finches'",
    "lift-off": "('lift' <-> 'off')",
    "don't": "('don' <-> 't')",
    "--finches finch": "!('finches') & 'finch'",
    "Café ÉLAN": "'cafe' & 'elan'",
    "#Birds": "'#birds'",
    "＃Straße": "'#strasse'",
    "#birds,": "'#birds'",
    "#1 finch": "'1' & 'finch'",
    "#birds#bees": "('birds' <-> 'bees')",
    "@Ada": "'@ada'",
    "-@ada finch": "!('@ada') & 'finch'",
    "name@example.com": "('name' <-> 'example' <-> 'com')",
    "from:ada": "'from/10'",
    "FROM:@Ada": "'from/10'",
    "from:ada from:linus": "('from/10' | 'from/11')",
    "from:ada from:nobody": "'from/10'",
    "from:nobody": None,
    "from:nobody finches": None,
    "-from:ada finch": "!('from/10') & 'finch'",
    "-from:nobody finch": "'finch'",
    "to:ada": "('to/10' | '@ada')",
    "to:nobody": "'@nobody'",
    "-to:ada x": "!(('to/10' | '@ada')) & 'x'",
    "from:a-b": "('from' <-> 'a' <-> 'b')",
    "from:": "'from'",
    "has:link finch": "'has/link' & 'finch'",
    "HAS:LINKS finch": "'has/link' & 'finch'",
    "-has:mention finch": "!('has/mention') & 'finch'",
    "is:reply finch": "'is/reply' & 'finch'",
    "has:cheese": "('has' <-> 'cheese')",
    "since:2026-02-30": "('since' <-> '2026' <-> '02' <-> '30')",
    "since:tomorrow": "('since' <-> 'tomorrow')",
    "-since:2026-01-31 x": "!(('since' <-> '2026' <-> '01' <-> '31')) & 'x'",
    "since:２０２６-01-31": "('since' <-> '2026' <-> '01' <-> '31')",
    "since:2026-01-31": "",
    "since:2026-01-31 -x": "!('x')",
    "東京都庁": "('東京' <-> '京都' <-> '都庁')",
    "東京 x": "'東京' & 'x'",
    "東": "'東':*",
    "🚀": "'🚀'",
    "x\\y": "('x' <-> 'y')",
    "???": "",
    '""': "",
    "-": "",
    "' or 1=1 --": "'or' & ('1' <-> '1')",
}


@pytest.mark.parametrize(("typed", "expected"), QUERIES.items())
def test_a_query_means_this(typed: str, expected: str | None) -> None:
    assert tsquery_of(parse_search(check_query(typed)), user_ids=IDS, stems={}) == expected


def test_days_are_bounds_of_ids() -> None:
    search = parse_search("finch since:2026-01-31 until:2026-02-01")
    assert (search.from_id, search.before_id) == (DAY, DAY + (86_400_000 << 16))
    assert len(search.terms) == 1
    # Of two the narrower one counts; a day before there were computers bounds nothing, a far one everything.
    assert parse_search("since:2026-01-30 since:2026-01-31 until:2030-01-01 x").from_id == DAY
    assert parse_search("finch since:1900-01-01").from_id == 0
    assert parse_search("finch since:9999-12-31").from_id == MAX_ID


@pytest.mark.parametrize(
    "typed", ["-x", "-x -y", "has:link", "-from:ada", "is:reply -#x", "until:2026-01-01", "until:2026-01-01 -x"]
)
def test_what_nothing_narrows_down_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse_search(typed)
    assert "since:2026-01-31" in refusal.value.errors[0].message


@pytest.mark.parametrize("typed", ["", " ", "\u3000\n", "x" * (MAX_QUERY_CHARS + 1), "a\x00b", "\ud800"])
def test_what_is_no_query_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        check_query(typed)


def test_a_query_has_at_most_so_many_terms_and_words() -> None:
    assert len(parse_search(" ".join(f"w{number}" for number in range(50))).terms) == MAX_TERMS
    search = parse_search("字" * 300)
    assert sum(len(term.words) for term in search.terms) == 60


def test_single_words_are_looked_for_by_their_stems_and_phrases_are_not() -> None:
    search = parse_search('running "two words" 東京 книги')
    needed = stems_needed(search)
    assert ("en", "running") in needed
    assert ("ru", "книги") in needed
    assert {word for _, word in needed} == {"running", "книги"}
    stems = {"running": [("en", "run"), ("de", "running")]}
    assert tsquery_of(parse_search("running"), user_ids={}, stems=stems) == "('running' | 'en/run' | 'de/running')"
    assert tsquery_of(parse_search("x -running"), user_ids={}, stems=stems) == (
        "'x' & !(('running' | 'en/run' | 'de/running'))"
    )


def test_slices_narrow_a_query_down() -> None:
    query = tsquery_of(parse_search("x"), user_ids={}, stems={}, slices=["0/a", "0/b"])
    assert query == "('0/a' | '0/b') & 'x'"


@given(st.integers(0, MAX_ID), st.integers(0, MAX_ID), st.integers(0, MAX_ID))
def test_each_tweet_of_a_stretch_is_in_one_of_its_slices(one: int, other: int, third: int) -> None:
    low, tweet_id, high = sorted((one, other, third))
    if tweet_id == high:
        return
    lexemes = document_of(UserId(1), TweetId(tweet_id), "x", None, TextRules()).lexemes.split()
    assert {f"'{name}'" for name in slices_between(low, high)} & set(lexemes)


@given(st.text(max_size=400) | st.text("-\"'\\:&|!()<>*#@ax:from since:2026-01-31東🚀", max_size=100))
def test_whatever_is_typed_is_searched_for_or_refused_with_a_sentence(typed: str) -> None:
    try:
        search = parse_search(check_query(typed))
    except Invalid:
        return
    tsquery_of(search, user_ids=IDS, stems={})


@given(st.text(max_size=200))
def test_what_is_written_is_found_by_the_same_words(text: str) -> None:
    written = find_words(text)
    for word in find_asked_words(text):
        assert any(one.startswith(word.text) if word.is_start else one == word.text for one in written)


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing_that_is_searched(text: str) -> None:
    assert find_words(fold(text)) == find_words(text) or "://" in text or "://" in fold(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the finches were running", "en"),
        ("finch", "en"),
        ("der Hund ist nicht müde", "de"),
        ("le chien est dans la maison", "fr"),
        ("el perro no está en la casa", "es"),
        ("o cão não está em uma casa", "pt"),
        ("il cane è nella casa di mia madre e non mi piace", "it"),
        ("de hond is niet in het huis", "nl"),
        ("hunden är inte i ett hus som du har", "sv"),
        ("Я читаю", "ru"),
        ("η θάλασσα", "el"),
        ("हिन्दी में", "hi"),
        ("東京へ", None),
        ("1 2 3", None),
        ("", None),
    ],
)
def test_the_language_is_guessed(text: str, language: str | None) -> None:
    assert guess_language(find_words(text)) == language
    assert language is None or language in DICTIONARIES


def test_a_document_holds_words_with_their_places_and_marks() -> None:
    document = document_of(UserId(36), TweetId(1 << 52), "It's @Ada's #Tag it", UserId(37), TextRules())
    assert set(document.lexemes.split(" ")) == {
        *("'it':1,6", "'s':2,4", "'ada':3", "'tag':5"),
        *("'from/10'", "'to/11'", "'is/reply'", "'#tag'", "'@ada'", "'has/hashtag'", "'has/mention'"),
        *("'0/35s'", "'1/74'", "'2/g'", "'3/1'"),
    }
    assert (document.language, document.dictionary) == ("en", "english_stem")


def test_people_are_ordered_by_how_well_they_fit() -> None:
    ranked = [
        score(1, 0, is_username=True, begins_username=True),
        score(2, 5, begins_username=True),
        score(3, 4, begins_username=True),
        score(4, 10**12),
        score(5, 9),
        score(6, 0, alike=0.9),
        score(7, 99, alike=0.5),
    ]
    assert ranked == sorted(ranked, reverse=True)
    assert len(set(ranked)) == len(ranked)
    assert all(0 < points <= MAX_ID for points in ranked)


def test_no_two_have_the_same_cursor() -> None:
    assert distinct([]) == []
    assert distinct([9, 9, 9, 8, 5, 5, 1]) == [9, 8, 7, 6, 5, 4, 1]


def test_typing_errors_are_near_and_other_names_are_not() -> None:
    assert closeness(["smiht"], "jsmith", "John Smith") >= LEAST_ALIKE
    assert closeness(["jonathn", "smith"], "x", "Jonathan Smith") > 0.8
    assert closeness(["zoë"], "zoe", "Zoë") > 0
    assert closeness(["peter"], "x", "Maria") < LEAST_ALIKE
    assert closeness([], "x", "Maria") == 0


def test_queries_for_names_quote_what_they_hold() -> None:
    assert names_query(["ada", "o'x"]) == "'w/ada':* & 'w/o''x':*"
    assert alike_query(["a"]) == "('w/a':* | ('t/  a' & 't/ a '))"
    assert [username_typed(typed) for typed in ("Ada", "@ada_l", "ada l", "ädä")] == ["ada", "ada_l", None, None]
