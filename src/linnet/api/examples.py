"""One small story, told by every example of the documentation: Ada and Linus, who answers her.

``tests/http/test_openapi_holds.py`` compares each example with its schema and with what the server answers.
"""

import msgspec

from linnet.api.services import Check, Readiness
from linnet.clock import rfc3339
from linnet.domain.notification import NotificationKind
from linnet.domain.place import Place
from linnet.domain.visits import rounded_ms
from linnet.ids import UserId, unix_ms_of
from linnet.read.streams import bookmark_of
from linnet.read.streams.frames import EventView
from linnet.read.timelines.thread import ThreadView
from linnet.read.views.attachments import AttachmentView, FocusView, PreviewView
from linnet.read.views.avatars import avatar_url, header_url
from linnet.read.views.conversations import ConversationView
from linnet.read.views.filters import FiltersView, FilterView, KeywordView
from linnet.read.views.history import TweetHistoryView, TweetVersionView
from linnet.read.views.lists import ListsView, ListView
from linnet.read.views.notifications import NotificationsView, NotificationView
from linnet.read.views.pages import PageView
from linnet.read.views.place import ContactView, PlaceView
from linnet.read.views.polls import PollOptionView, PollView, PollViewerView
from linnet.read.views.popular import (
    CatchUpView,
    FollowedByView,
    HomeView,
    SuggestionsView,
    SuggestionView,
    TopTweetsView,
)
from linnet.read.views.reports import ReportView
from linnet.read.views.tags import FeaturedTagsView, FeaturedTagView, FollowedTagView, TagNamesView, TagsView, TagView
from linnet.read.views.tweets import (
    AuthorView,
    EntitiesView,
    HashtagView,
    LinkView,
    MentionView,
    ReplyToView,
    TweetCountsView,
    TweetView,
    TweetViewerView,
)
from linnet.read.views.users import MeView, NoteView, ProfileView, SessionView, UserCountsView, UserView, UserViewerView

ADA_ID = "116949214904582144"
LINUS_ID = "116949217341964288"
FOLLOW_ID = "116949219876536320"
TWEET_ID = "116949221876793344"
REPLY_ID = "116949224402386944"
DIRECT_ID = "116949228518473792"
RETWEET_ID = "116949226103865344"
LIKE_ID = "116949227209785344"
BLOCK_ID = "116949228517883904"
MUTE_ID = "116949228517949440"
BOOKMARK_ID = "116949228518015040"
ATTACHMENT_ID = "116949220531896320"
REPORT_ID = "116949228518080576"
LIST_ID = "116949228518408256"
PLACE_ID = "116949228518146112"
FILTER_ID = "116949228518211648"
KEYWORD_ID = "116949228518277184"
FEATURED_ID = "116949228518342720"
SESSION_ID = "116949214904582208"
TOKEN = "AZ97yFGDAAB0-9ZfW0u8gU1S0N3q5pXo2mKk1vR4c7E"


def _time_of(some_id: str) -> str:
    return rfc3339(unix_ms_of(int(some_id)))


_ADA_AUTHOR = AuthorView(ADA_ID, "ada", "Ada Finch", avatar_url(UserId(int(ADA_ID)), None))
_LINUS_AUTHOR = AuthorView(LINUS_ID, "linus", "Linus", avatar_url(UserId(int(LINUS_ID)), None))

ADA = UserView(
    id=ADA_ID,
    username="ada",
    name="Ada Finch",
    bio="",
    location="",
    avatar_url=avatar_url(UserId(int(ADA_ID)), None),
    created_at=_time_of(ADA_ID),
    counts=UserCountsView(tweets=1, followers=1, following=0),
    viewer=UserViewerView(following=True, followed_by=False, blocking=False, muting=False),
)
_ACTIVE_AT = rfc3339(rounded_ms(unix_ms_of(int(RETWEET_ID))))
ADA_PROFILE = ProfileView(
    **{field: getattr(ADA, field) for field in UserView.__struct_fields__}, last_active_at=_ACTIVE_AT
)
ADA_UNFOLLOWED = msgspec.structs.replace(
    ADA, viewer=UserViewerView(following=False, followed_by=False, blocking=False, muting=False)
)
LINUS = UserView(
    id=LINUS_ID,
    username="linus",
    name="Linus",
    bio="",
    location="",
    avatar_url=avatar_url(UserId(int(LINUS_ID)), None),
    created_at=_time_of(LINUS_ID),
    counts=UserCountsView(tweets=2, followers=0, following=1),
    viewer=None,
)
NEW_USER = UserView(
    id=ADA_ID,
    username="ada",
    name="Ada Finch",
    bio="",
    location="",
    avatar_url=avatar_url(UserId(int(ADA_ID)), None),
    created_at=_time_of(ADA_ID),
    counts=UserCountsView(tweets=0, followers=0, following=0),
    viewer=None,
)
ME = MeView(
    id=ADA_ID,
    username="ada",
    name="Ada Finch",
    bio="",
    location="",
    avatar_url=avatar_url(UserId(int(ADA_ID)), None),
    created_at=_time_of(ADA_ID),
    counts=UserCountsView(tweets=1, followers=1, following=0),
    viewer=None,
    last_active_at=_ACTIVE_AT,
    email="ada@example.com",
    phone=None,
)
AVATAR = "9f2c61d0e4b8a7350f1e2d3c4b5a6978"
PICTURED_ME = msgspec.structs.replace(ME, avatar_url=avatar_url(UserId(int(ADA_ID)), AVATAR))
HEADED_ME = msgspec.structs.replace(ME, header_url=header_url(AVATAR))
BIO = "I draw birds, mostly finches."
EDITED_ME = msgspec.structs.replace(ME, bio=BIO, location="Kraków", phone="+48601234567")
SESSION = SessionView(
    id=SESSION_ID,
    device="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    created_at=_time_of(SESSION_ID),
    last_used_at=_time_of(SESSION_ID),
    current=True,
)

_FILES = "/media/attachments/4be1c86f0f2a7d35b9e8d1c06a5f3e72"
ATTACHMENT = AttachmentView(
    ATTACHMENT_ID,
    f"{_FILES}/large.webp",
    600,
    400,
    PreviewView(f"{_FILES}/small.webp", 600, 400),
    description="",
    focus=FocusView(0.0, 0.0),
    blurhash="L@K1LRQXaLyBVU^4s.NGi^xFj[WV",
)
DESCRIPTION = "Four finches at a window."
DESCRIBED_ATTACHMENT = msgspec.structs.replace(ATTACHMENT, description=DESCRIPTION, focus=FocusView(0.0, 0.5))

PLACE = PlaceView(
    title=Place().title,
    description=Place().description,
    about="",
    rules=[],
    contact=ContactView(None, None),
    takes_sign_ups=True,
    max_tweet_chars=140,
)
REPORT = ReportView(
    id=REPORT_ID,
    created_at=_time_of(REPORT_ID),
    user_id=ADA_ID,
    tweet_ids=[TWEET_ID],
    category="other",
    comment="These are sparrows.",
    rules=[],
    resolved=False,
)
TEXT = "Finches at the window again, @linus. #birds https://example.com/finches"
TWEET = TweetView(
    id=TWEET_ID,
    text=TEXT,
    created_at=_time_of(TWEET_ID),
    author=_ADA_AUTHOR,
    reply_to=None,
    retweet_of=None,
    counts=TweetCountsView(replies=1, retweets=1, likes=0),
    pinned=False,
    entities=EntitiesView(
        hashtags=[HashtagView("birds", 37, 43)],
        mentions=[MentionView("linus", LINUS_ID, 29, 35)],
        links=[LinkView("https://example.com/finches", 44, 71)],
    ),
    viewer=TweetViewerView(liked=False, retweeted=True, bookmarked=False),
)
NEW_TWEET = TweetView(
    id=TWEET_ID,
    text=TEXT,
    created_at=_time_of(TWEET_ID),
    author=_ADA_AUTHOR,
    reply_to=None,
    retweet_of=None,
    counts=TweetCountsView(replies=0, retweets=0, likes=0),
    pinned=False,
    entities=TWEET.entities,
    viewer=TweetViewerView(liked=False, retweeted=False, bookmarked=False),
)
EDITED_TEXT = "Counted finches again"
_EDITED_AT = "2026-07-20T09:14:02.117Z"
EDITED_TWEET = msgspec.structs.replace(
    NEW_TWEET, text=EDITED_TEXT, entities=EntitiesView([], [], []), edited_at=_EDITED_AT
)
TWEET_HISTORY = TweetHistoryView(
    [
        TweetVersionView(_time_of(TWEET_ID), TEXT, EntitiesView(TWEET.entities.hashtags, [], TWEET.entities.links)),
        TweetVersionView(_EDITED_AT, EDITED_TEXT, EntitiesView([], [], [])),
    ]
)
PICTURED_TWEET = TweetView(
    id=TWEET_ID,
    text="",
    created_at=_time_of(TWEET_ID),
    author=_ADA_AUTHOR,
    reply_to=None,
    retweet_of=None,
    counts=TweetCountsView(replies=0, retweets=0, likes=0),
    pinned=False,
    entities=EntitiesView([], [], []),
    viewer=TweetViewerView(liked=False, retweeted=False, bookmarked=False),
    attachments=[DESCRIBED_ATTACHMENT],
)
REPLY_TEXT = "How many?"
REPLY = TweetView(
    id=REPLY_ID,
    text=REPLY_TEXT,
    created_at=_time_of(REPLY_ID),
    author=_LINUS_AUTHOR,
    reply_to=ReplyToView(TWEET_ID, ADA_ID, "ada"),
    retweet_of=None,
    counts=TweetCountsView(replies=0, retweets=0, likes=0),
    pinned=False,
    entities=EntitiesView([], [], []),
    viewer=TweetViewerView(liked=False, retweeted=False, bookmarked=False),
    conversation_id=TWEET_ID,
)
RETWEET = TweetView(
    id=RETWEET_ID,
    text="",
    created_at=_time_of(RETWEET_ID),
    author=_LINUS_AUTHOR,
    reply_to=None,
    retweet_of=TWEET,
    counts=TweetCountsView(replies=0, retweets=0, likes=0),
    pinned=False,
    entities=EntitiesView([], [], []),
    viewer=TweetViewerView(liked=False, retweeted=True, bookmarked=False),
)

VOTED = TweetView(
    id=TWEET_ID,
    text="Which is the best?",
    created_at=_time_of(TWEET_ID),
    author=_ADA_AUTHOR,
    reply_to=None,
    retweet_of=None,
    counts=TweetCountsView(replies=0, retweets=0, likes=0),
    pinned=False,
    entities=EntitiesView([], [], []),
    viewer=TweetViewerView(liked=False, retweeted=False, bookmarked=False),
    poll=PollView(
        options=[PollOptionView("Finches", 1), PollOptionView("Linnets", 0)],
        ends_at=_time_of(RETWEET_ID),
        ended=False,
        multiple=False,
        hides_votes=False,
        votes_count=1,
        voters_count=1,
        viewer=PollViewerView([0]),
    ),
)

TWEETS = PageView[TweetView](items=[TWEET], next=None, prev=TWEET_ID)
PICTURES = PageView[TweetView](items=[PICTURED_TWEET], next=None, prev=TWEET_ID)
EVERYONE = PageView[TweetView](items=[RETWEET, REPLY], next=REPLY_ID, prev=RETWEET_ID)
HOME_OF_LINUS = HomeView(items=[RETWEET, REPLY], next=REPLY_ID, prev=RETWEET_ID, popular=[])
FOLLOWING = PageView[UserView](items=[ADA], next=None, prev=FOLLOW_ID)
LINUS_A_STRANGER = msgspec.structs.replace(
    LINUS,
    counts=UserCountsView(tweets=2, followers=0, following=0),
    viewer=UserViewerView(following=False, followed_by=False, blocking=False, muting=False),
)
LINUS_MUTED = msgspec.structs.replace(
    LINUS_A_STRANGER, viewer=UserViewerView(following=False, followed_by=False, blocking=False, muting=True)
)
LINUS_BLOCKED = msgspec.structs.replace(
    LINUS_A_STRANGER, viewer=UserViewerView(following=False, followed_by=False, blocking=True, muting=False)
)
LINUS_ASKING = msgspec.structs.replace(
    LINUS_A_STRANGER,
    viewer=UserViewerView(following=False, followed_by=False, blocking=False, muting=False, requested_by=True),
)
LINUS_ACCEPTED = msgspec.structs.replace(
    LINUS_A_STRANGER, viewer=UserViewerView(following=False, followed_by=True, blocking=False, muting=False)
)
ASKING = PageView[UserView](items=[LINUS_ASKING], next=None, prev=FOLLOW_ID)
NOTE = NoteView("Draws finches.")
BLOCKED = PageView[UserView](items=[LINUS_BLOCKED], next=None, prev=BLOCK_ID)
MUTED = PageView[UserView](items=[LINUS_MUTED], next=None, prev=MUTE_ID)
FOLLOWERS = PageView[UserView](items=[LINUS], next=None, prev=FOLLOW_ID)
TOP_USERS = PageView[UserView](items=[ADA], next=None, prev=ADA_ID)
RETWEETERS = PageView[UserView](items=[LINUS], next=None, prev=RETWEET_ID)
LIKED_TWEET = msgspec.structs.replace(TWEET, viewer=TweetViewerView(liked=True, retweeted=True, bookmarked=False))
_COUNTED_TWEET = msgspec.structs.replace(LIKED_TWEET, counts=TweetCountsView(replies=1, retweets=1, likes=1))
UNLIKED_TWEET = msgspec.structs.replace(_COUNTED_TWEET, viewer=TWEET.viewer)
LIKERS = PageView[UserView](items=[LINUS], next=None, prev=LIKE_ID)
LIKES = PageView[TweetView](items=[_COUNTED_TWEET], next=None, prev=LIKE_ID)
BOOKMARKED_TWEET = msgspec.structs.replace(TWEET, viewer=TweetViewerView(liked=False, retweeted=True, bookmarked=True))
BOOKMARKS = PageView[TweetView](items=[BOOKMARKED_TWEET], next=None, prev=BOOKMARK_ID)
DIRECT_TWEET = msgspec.structs.replace(
    REPLY,
    id=DIRECT_ID,
    text="@ada, may I come and see them?",
    created_at=_time_of(DIRECT_ID),
    reply_to=None,
    entities=EntitiesView([], [MentionView("ada", ADA_ID, 0, 4)], []),
    visibility="direct",
    conversation_id=msgspec.UNSET,
)
CONVERSATION = ConversationView(DIRECT_ID, unread=True, people=[_LINUS_AUTHOR], last=DIRECT_TWEET)
CONVERSATION_READ = msgspec.structs.replace(CONVERSATION, unread=False)
CONVERSATIONS = PageView[ConversationView](items=[CONVERSATION], next=None, prev=DIRECT_ID)
DIRECTS = PageView[TweetView](items=[DIRECT_TWEET], next=None, prev=DIRECT_ID)
MUTED_TWEET = msgspec.structs.replace(TWEET, muted=True)
LIST = ListView(LIST_ID, "Finches", "list", exclusive=False)
LIST_CHANGED = ListView(LIST_ID, "Finches and sparrows", "list", exclusive=False)
LISTS = ListsView([LIST])
LIST_TWEETS = PageView[TweetView](items=[TWEET], next=None, prev=TWEET_ID)
LIST_MEMBERS = PageView[UserView](items=[ADA], next=None, prev=PLACE_ID)
FILTER = FilterView(FILTER_ID, "Cats", ["home", "public"], "warn", None, [KeywordView(KEYWORD_ID, "cat", True)], [])
FILTER_HIDING = msgspec.structs.replace(FILTER, action="hide")
FILTER_NAMING = msgspec.structs.replace(FILTER, tweet_ids=[TWEET_ID])
FILTERS = FiltersView([FILTER])
FEATURED = FeaturedTagView(FEATURED_ID, "birds", "birds", 1, _time_of(TWEET_ID))
FEATURED_TAGS = FeaturedTagsView([FEATURED])
FOLLOWED_TAG = FollowedTagView("Birds", "birds", _time_of(FEATURED_ID))
FOLLOWED_TAGS = PageView[FollowedTagView](items=[FOLLOWED_TAG], next=None, prev=FEATURED_ID)
USED_TAGS = TagNamesView(["birds"])
THREAD = ThreadView(
    ancestors=[],
    tweet=TWEET,
    replies=PageView[TweetView](items=[REPLY], next=None, prev=REPLY_ID),
)

_TWEET_OF_MINE = msgspec.structs.replace(TWEET, viewer=TweetViewerView(liked=False, retweeted=False, bookmarked=False))
UNPINNED_TWEET = _TWEET_OF_MINE
PINNED_TWEET = msgspec.structs.replace(_TWEET_OF_MINE, pinned=True)
HOME = HomeView(items=[_TWEET_OF_MINE], next=None, prev=TWEET_ID, popular=[REPLY])


def _notification(kind: NotificationKind, some_id: str, tweet: TweetView | None) -> NotificationView:
    return NotificationView(
        some_id, kind, _time_of(some_id), unread=True, people=[_LINUS_AUTHOR], people_count=1, tweet=tweet
    )


NOTIFICATIONS = NotificationsView(
    items=[
        _notification("retweeted", RETWEET_ID, _TWEET_OF_MINE),
        _notification("replied", REPLY_ID, REPLY),
        _notification("followed", FOLLOW_ID, None),
    ],
    next=None,
    prev=RETWEET_ID,
    unread_count=3,
)

TOP_TWEETS = TopTweetsView(items=[TWEET, REPLY])
CATCH_UP = CatchUpView(since=_time_of(LINUS_ID), items=[TWEET])
SUGGESTIONS = SuggestionsView(
    items=[
        SuggestionView(
            msgspec.structs.replace(
                LINUS, viewer=UserViewerView(following=False, followed_by=True, blocking=False, muting=False)
            ),
            FollowedByView(count=0, people=[]),
        )
    ]
)
TRENDING = TagsView([TagView(tag="birds", name="birds", tweets_count=1, people_count=1, pinned=True)])

EVENT_ID = str(bookmark_of([int(TWEET_ID), int(REPLY_ID)]))
EVENT = EventView("gone", EVENT_ID, f'{{"ids":["{RETWEET_ID}"]}}')

READY = Readiness(ready=True, checks=[Check("postgresql", ok=True), Check("valkey", ok=True), Check("ids", ok=True)])
NOT_READY = Readiness(
    ready=False, checks=[Check("postgresql", ok=False, sentence="PostgreSQL does not answer."), *READY.checks[1:]]
)
