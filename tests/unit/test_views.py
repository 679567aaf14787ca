"""The JSON pieces of tweets, joined, are what the view structs are when encoded."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.clock import rfc3339
from linnet.domain.attachments import Attachment, pack_attachments, unpack_attachments
from linnet.domain.timeline import Entry
from linnet.domain.tweet import Tweet
from linnet.domain.user import Account, Profile, Relationship, Session
from linnet.domain.visits import Activity
from linnet.ids import MAX_ID, AttachmentId, SessionId, TweetId, UserId, unix_ms_of
from linnet.read.views.attachments import attachment_view
from linnet.read.views.pages import Page, PageView, page_json
from linnet.read.views.tweets import (
    AuthorView,
    DeletedTweetView,
    EntitiesView,
    HashtagView,
    LinkView,
    MentionView,
    ReplyToView,
    TweetCountsView,
    TweetFacts,
    TweetView,
    TweetViewerView,
    author_json,
    counts_json,
    deleted_json,
    retweet_json,
    tweet_facts,
    tweet_json,
    viewer_json,
)
from linnet.read.views.users import me_view, session_view, user_view

# A time that rfc3339 can say ends with the year 9999.
MOST_MS = 253_402_300_799_999
ids = st.integers(0, MOST_MS).flatmap(lambda ms: st.integers(0, 0xFFFF).map(lambda low: max(1, ms << 16 | low)))
ids = ids.filter(lambda some_id: some_id <= MAX_ID)
user_ids = ids.map(UserId)
tweet_ids = ids.map(TweetId)
# Anything that UTF-8 can hold: quotes, backslashes, controls, every script.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
counts = st.integers(0, 1 << 40)
offsets = st.integers(0, 140)
entities = st.none() | st.builds(
    EntitiesView,
    st.lists(st.builds(HashtagView, texts, offsets, offsets), max_size=2),
    st.lists(st.builds(MentionView, texts, user_ids.map(str), offsets, offsets), max_size=2),
    st.lists(st.builds(LinkView, texts, offsets, offsets), max_size=2),
)
NO_ENTITIES = EntitiesView([], [], [])


class Author(msgspec.Struct, frozen=True):
    id: UserId
    username: str
    name: str
    avatar_url: str

    @property
    def view(self) -> AuthorView:
        return AuthorView(str(self.id), self.username, self.name, self.avatar_url)

    @property
    def piece(self) -> bytes:
        return author_json(self.id, username=self.username, name=self.name, avatar_url=self.avatar_url)


authors = st.builds(Author, user_ids, texts, texts, texts)
viewers = st.none() | st.builds(TweetViewerView, liked=st.booleans(), retweeted=st.booleans(), bookmarked=st.booleans())


pictures = st.lists(
    st.builds(
        Attachment,
        id=st.integers(1, 2**62).map(AttachmentId),
        name=st.just("0" * 32),
        width=counts,
        height=counts,
        small_width=counts,
        small_height=counts,
        blurhash=texts,
        description=texts,
        focus_x=st.floats(-1, 1),
        focus_y=st.floats(-1, 1),
    ),
    max_size=2,
)


@st.composite
def tweets(draw: st.DrawFn) -> tuple[Tweet, EntitiesView]:
    """A tweet or a reply as a row, and its entities."""
    is_reply = draw(st.booleans())
    found = draw(entities)
    return (
        Tweet(
            author_id=draw(user_ids),
            id=draw(tweet_ids),
            text=draw(texts),
            reply_to_id=draw(tweet_ids) if is_reply else None,
            reply_to_author_id=draw(user_ids) if is_reply else None,
            retweet_of_id=None,
            retweet_of_author_id=None,
            entities=None if found is None else msgspec.json.encode(found).decode(),
            replies_count=draw(counts),
            retweets_count=draw(counts),
            likes_count=draw(counts),
            pinned=draw(st.booleans()),
            version=1,
            attachments=pack_attachments(draw(pictures)),
            warning=draw(st.none() | texts.filter(bool)),
            sensitive=draw(st.booleans()),
        ),
        found or NO_ENTITIES,
    )


def viewer_piece(viewer: TweetViewerView | None) -> bytes:
    if viewer is None:
        return b"null"
    return viewer_json(liked=viewer.liked, retweeted=viewer.retweeted, bookmarked=viewer.bookmarked)


def view_of(
    tweet: Tweet, found: EntitiesView, author: Author, viewer: TweetViewerView | None, *, replied_username: str
) -> TweetView:
    return TweetView(
        id=str(tweet.id),
        text=tweet.text,
        created_at=rfc3339(unix_ms_of(tweet.id)),
        author=author.view,
        reply_to=None
        if tweet.reply_to is None
        else ReplyToView(str(tweet.reply_to.tweet_id), str(tweet.reply_to.author_id), replied_username),
        retweet_of=None,
        counts=TweetCountsView(tweet.replies_count, tweet.retweets_count, tweet.likes_count),
        pinned=tweet.pinned,
        entities=found,
        attachments=[attachment_view(each) for each in unpack_attachments(tweet.attachments)],
        warning=tweet.warning or "",
        sensitive=tweet.sensitive,
        viewer=viewer,
    )


@given(tweets(), authors, viewers, texts)
def test_a_joined_tweet_is_its_view_encoded(
    row: tuple[Tweet, EntitiesView], author: Author, viewer: TweetViewerView | None, replied_username: str
) -> None:
    tweet, found = row
    facts = tweet_facts(tweet, replied_username=replied_username)
    view = view_of(tweet, found, author, viewer, replied_username=replied_username)
    assert tweet_json(facts, author.piece, viewer_piece(viewer)) == msgspec.json.encode(view)
    assert counts_json(facts) == msgspec.json.encode(view.counts)
    # As it comes back from the cache.
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(facts), type=TweetFacts)
    assert kept == facts


@given(tweets(), authors, authors, viewers, tweet_ids)
def test_a_joined_retweet_is_its_view_encoded(
    row: tuple[Tweet, EntitiesView], author: Author, again: Author, viewer: TweetViewerView | None, retweet_id: TweetId
) -> None:
    tweet, found = row
    original = view_of(tweet, found, author, viewer, replied_username="x")
    entry = Entry(retweet_id, again.id, author.id, tweet.id)
    joined = retweet_json(
        entry,
        again.piece,
        tweet_json(tweet_facts(tweet, replied_username="x"), author.piece, viewer_piece(viewer)),
        viewer_piece(viewer),
    )
    view = TweetView(
        id=str(retweet_id),
        text="",
        created_at=rfc3339(unix_ms_of(retweet_id)),
        author=again.view,
        reply_to=None,
        retweet_of=original,
        counts=TweetCountsView(0, 0, 0),
        pinned=False,
        entities=NO_ENTITIES,
        viewer=viewer,
    )
    assert joined == msgspec.json.encode(view)


def test_a_retweets_facts_are_only_that_it_is_there() -> None:
    row = Tweet(UserId(1), TweetId(2), "", None, None, TweetId(3), UserId(4), None, 0, 0, 0, False, 1)
    facts = tweet_facts(row, replied_username="")
    assert (facts.head, facts.tail) == (b"", b"")


@given(st.lists(st.sampled_from([b"{}", b'{"a":1}', b"null"]), max_size=4), st.none() | ids, st.none() | ids)
def test_a_joined_page_is_its_view_encoded(items: list[bytes], next_id: int | None, prev_id: int | None) -> None:
    view = PageView(
        [msgspec.Raw(item) for item in items],
        None if next_id is None else str(next_id),
        None if prev_id is None else str(prev_id),
    )
    assert page_json(Page(items, next_id, prev_id)) == msgspec.json.encode(view)


@given(tweet_ids)
def test_a_placeholder_is_its_view_encoded(tweet_id: TweetId) -> None:
    assert deleted_json(tweet_id) == msgspec.json.encode(DeletedTweetView(str(tweet_id)))
    assert msgspec.json.decode(deleted_json(tweet_id)) == {"id": str(tweet_id), "deleted": True}


PROFILE = Profile(UserId(5 << 16), "ada", "Ada", "bio", "here", None, 3, 2, 1, 9)
SECRET = "secret"


def test_nobodys_view_of_another_holds_their_address_phone_or_password() -> None:
    account = Account(PROFILE.id, f"{SECRET}@example.org", f"+1{SECRET}", SECRET)
    for relationship in (None, Relationship(following=True, followed_by=False)):
        shown = msgspec.json.encode(user_view(PROFILE, relationship))
        assert SECRET.encode() not in shown
        assert b"version" not in shown
    own = msgspec.to_builtins(me_view(PROFILE, account, Activity(None, None)))
    assert own["email"] == account.email
    assert own["phone"] == account.phone
    assert account.password_hash not in [value for key, value in own.items() if key not in ("email", "phone")]
    assert set(own) - set(msgspec.to_builtins(user_view(PROFILE, None))) == {"email", "phone", "last_active_at"}


@pytest.mark.parametrize("following", [True, False])
def test_a_user_says_how_the_viewer_stands_to_them(following: bool) -> None:
    view = user_view(PROFILE, Relationship(following=following, followed_by=not following))
    assert view.viewer is not None
    assert (view.viewer.following, view.viewer.followed_by) == (following, not following)
    assert (view.counts.tweets, view.counts.followers, view.counts.following) == (3, 2, 1)
    assert view.created_at == "1970-01-01T00:00:00.005Z"


def test_a_session_says_whether_it_is_the_one_that_asks() -> None:
    session = Session(SessionId(7 << 16), UserId(1), "a phone", 1_500)
    assert session_view(session, current_id=session.id).current
    shown = session_view(session, current_id=SessionId(1))
    assert not shown.current
    assert (shown.created_at, shown.last_used_at) == ("1970-01-01T00:00:00.007Z", "1970-01-01T00:00:01.500Z")
