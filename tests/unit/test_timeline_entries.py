"""Entries: packed and merged without losing their order."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.domain.timeline import Entry, Range, merge, pack_entry, unpack_entries, unpack_entry
from linnet.domain.visibility import drop_hidden
from linnet.ids import MAX_ID, TweetId, UserId

ids = st.integers(1, MAX_ID)
close_ids = st.integers(1, 30)


def entries_with(tweet_ids: st.SearchStrategy[int]) -> st.SearchStrategy[Entry]:
    users = st.integers(1, 6).map(UserId) | ids.map(UserId)
    tweets = st.builds(Entry, tweet_ids.map(TweetId), users)
    replies = st.builds(Entry, tweet_ids.map(TweetId), users, users)
    retweets = st.builds(Entry, tweet_ids.map(TweetId), users, users, ids.map(TweetId))
    return tweets | replies | retweets


entries = entries_with(ids)
timelines = st.lists(entries_with(close_ids), max_size=30, unique_by=lambda entry: entry.id).map(
    lambda found: sorted(found, key=lambda entry: entry.id, reverse=True)
)


@given(entries)
def test_an_entry_comes_back_from_its_packed_form(entry: Entry) -> None:
    assert unpack_entry(pack_entry(entry)) == entry


@given(entries)
def test_the_kind_is_the_length(entry: Entry) -> None:
    expected = 32 if entry.original_id else 24 if entry.related_author_id else 16
    assert len(pack_entry(entry)) == expected


@given(entries, entries)
def test_the_order_of_packed_entries_is_the_order_of_ids(one: Entry, other: Entry) -> None:
    if one.id != other.id:
        assert (pack_entry(one) < pack_entry(other)) == (one.id < other.id)


@pytest.mark.parametrize("length", [0, 1, 9, 15, 17, 31, 33])
def test_what_is_no_entry_is_refused(length: int) -> None:
    with pytest.raises(struct.error):
        unpack_entry(b"x" * length)
    with pytest.raises(struct.error):
        unpack_entries([b"x" * 16, b"x" * length])


@given(st.lists(entries, max_size=8))
def test_many_entries_come_back_in_their_order(some: list[Entry]) -> None:
    assert unpack_entries([*map(pack_entry, some)]) == some


def test_a_reply_to_oneself_and_a_retweet_are_no_replies_to_others() -> None:
    one, other = UserId(1), UserId(2)
    assert not Entry(TweetId(1), one).is_reply_to_other
    assert not Entry(TweetId(1), one, one).is_reply_to_other
    assert not Entry(TweetId(1), one, other, TweetId(5)).is_reply_to_other
    assert Entry(TweetId(1), one, other).is_reply_to_other


def test_only_a_page_above_a_cursor_alone_ascends() -> None:
    assert Range(5, after=3).ascending
    assert not Range(5).ascending
    assert not Range(5, before=9).ascending
    assert not Range(5, before=9, after=3).ascending


@given(timelines, st.data())
def test_a_timeline_in_parts_merges_to_itself(timeline: list[Entry], data: st.DataObject) -> None:
    parts: list[list[Entry]] = [[], [], []]
    for entry in timeline:
        # Each in one part at least, perhaps in several.
        for part in data.draw(st.sets(st.integers(0, 2), min_size=1)):
            parts[part].append(entry)
    assert merge(parts) == timeline
    assert merge([]) == []


@given(timelines, st.frozensets(st.integers(1, 6).map(UserId)))
def test_hidden_authors_and_answers_to_them_are_dropped(timeline: list[Entry], hidden: frozenset[UserId]) -> None:
    viewer = UserId(1)
    hidden -= {viewer}
    left = drop_hidden(timeline, hidden, viewer)
    for entry in timeline:
        answers_hidden = entry.is_reply_to_other and entry.related_author_id in hidden
        dropped = entry.author_id in hidden or (answers_hidden and entry.author_id != viewer)
        assert (entry not in left) == dropped
    assert left == [entry for entry in timeline if entry in left], "in their order"
    assert drop_hidden(timeline, frozenset(), viewer) == timeline
