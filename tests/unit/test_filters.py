"""What a filter's words match: whole words or parts, whatever their case, form and what cannot be seen."""

import pytest

from linnet.domain.filters import (
    Action,
    Filter,
    FilteredTweet,
    Filters,
    Keyword,
    Matcher,
    check_action,
    check_contexts,
    check_keyword,
    fold_text,
)
from linnet.errors import Invalid
from linnet.ids import TweetId

NOW_MS = 1_800_000_000_000


def matches(keyword: str, text: str, *, whole_word: bool = True) -> bool:
    made = Filter(1, "one", ("home",), "warn", None, (Keyword(2, keyword, whole_word),))
    found = Matcher(Filters(1, (made,))).matches(5, (text,), NOW_MS)
    assert all(match.keywords == (keyword,) for match in found)
    return bool(found)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("cat", "A cat sat"),
        ("cat", "CAT!"),
        ("CAT", "my cat, my rules"),
        ("cat", "#cat"),
        ("#cat", "so #Cat"),
        ("straße", "In der STRASSE"),
        ("ﬁnch", "a finch"),
        ("cafe\u0301", "the CAFÉ"),
        ("cat", "a c\u00ada\u200bt"),
        ("two words", "two\n  words"),
        ("c++", "I write c++ all day"),
        (".*", "a literal .* here"),
        ("猫", "猫"),
        ("كلب", "هذا كلب"),
        ("🐈", "look: 🐈!"),
        ("ｃａｔ", "cat"),
    ],
)
def test_a_word_is_found_in_whatever_form_it_is_written(keyword: str, text: str) -> None:
    assert matches(keyword, text)
    assert matches(keyword, text, whole_word=False)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [("cat", "a catalogue"), ("cat", "concat"), ("cat", "cat_food"), ("#cat", "#cats"), ("猫", "子猫"), ("к", "как")],
)
def test_a_whole_word_is_not_found_inside_of_another(keyword: str, text: str) -> None:
    assert not matches(keyword, text)
    assert matches(keyword, text, whole_word=False)


def test_what_is_not_there_is_not_found() -> None:
    for text in ("", "dog", "c a t", "ca", "t\ncat".replace("cat", "act")):
        assert not matches("cat", text, whole_word=False)


def test_each_filter_says_by_which_words_and_whether_by_name_and_none_does_when_its_time_is_over() -> None:
    actions: tuple[Action, Action, Action] = ("warn", "hide", "warn")
    made = tuple(
        Filter(number, f"filter {number}", ("home",), action, expires_ms, (Keyword(10 * number, word),))
        for number, action, expires_ms, word in zip(
            (1, 2, 3), actions, (None, NOW_MS, NOW_MS + 1), ("cat", "cat", "dog"), strict=True
        )
    )
    matcher = Matcher(Filters(1, made, (FilteredTweet(3, 30, TweetId(7)), FilteredTweet(2, 31, TweetId(7)))))
    found = matcher.matches(7, ("cats and a cat", "in two texts"), NOW_MS)
    assert [(match.filter.id, match.keywords, match.names_it) for match in found] == [
        (1, ("cat",), False),
        (3, (), True),
    ], "the second is over"
    assert [match.filter.id for match in matcher.matches(8, ("a dog", "a cat"), NOW_MS + 1)] == [1]
    assert list(matcher.matches(8, ("nothing",), NOW_MS)) == []
    assert list(Matcher(Filters(1, ())).matches(7, ("cat",), NOW_MS)) == []


def test_what_cannot_be_a_filter_is_said() -> None:
    assert check_keyword("  Two \n words ", field="keyword") == "Two words"
    for keyword in ("", " ", "\u200b", "\u00ad", "x" * 101, "a\x00"):
        with pytest.raises(Invalid):
            check_keyword(keyword, field="keyword")
    assert check_contexts(["public", "home", "home"], field="context") == ("home", "public")
    for contexts in ([], ["everywhere"], ["home", ""]):
        with pytest.raises(Invalid):
            check_contexts(contexts, field="context")
    assert check_action("hide", field="action") == "hide"
    with pytest.raises(Invalid):
        check_action("blur", field="action")


def test_folding_twice_is_folding_once() -> None:
    for text in ("ﬀ İ ß ǅ \u0345 Σς", "A\u030a\u0327", "\u1e9e\u0130", "Ⅷ²ª"):
        assert fold_text(fold_text(text)) == fold_text(text)
