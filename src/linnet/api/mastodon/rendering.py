"""What screens show becomes entities. Whoever is not shown by a screen is not here either."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from linnet.api.mastodon.content import account_url, entry_html, plain_html, status_url, tag_url, text_html
from linnet.api.mastodon.endpoints import Call
from linnet.api.mastodon.entities import (
    Account,
    CredentialAccount,
    Field,
    Filter,
    FilterResult,
    MediaAttachment,
    MediaFocus,
    MediaMeta,
    MediaSize,
    MutedAccount,
    Poll,
    PollOption,
    Profile,
    Relationship,
    Source,
    Status,
    StatusEdit,
    StatusMention,
    StatusTag,
)
from linnet.clock import rfc3339
from linnet.domain.preferences import Preferences
from linnet.ids import UserId
from linnet.read.timelines.standings import Standing, standings
from linnet.read.views.attachments import AttachmentView
from linnet.read.views.history import TweetVersionView
from linnet.read.views.tweets import MentionView, TweetView
from linnet.read.views.users import FieldView, MeView, UserView, user_view

MISSING_HEADER: Final = "/api/v1/pictures/header/missing.png"
MISSING_AVATAR: Final = "/api/v1/pictures/avatar/missing.png"
LOCATION: Final = "Location"

_tweets = msgspec.json.Decoder(TweetView)


def read_tweet(item: bytes) -> TweetView:
    """What a screen put into a page."""
    return _tweets.decode(item)


async def accounts_by_id(call: Call, user_ids: Iterable[int]) -> dict[str, Account]:
    """Those who are there."""
    found = await call.read.profiles.fetch([UserId(user_id) for user_id in set(user_ids)])
    return {str(user_id): account_of(call, user_view(profile, None)) for user_id, profile in found.items()}


def account_of(call: Call, user: UserView) -> Account:
    return Account(**_facts_of(call, user))


def credentials_of(call: Call, me: MeView, chosen: Preferences, requests_count: int) -> CredentialAccount:
    """``chosen``: with what the person's apps begin a post. ``requests_count``: how many asked to follow."""
    source = Source(
        me.bio,
        [Field(field.name, field.value) for field in fields_of(me)],
        privacy=chosen.visibility,
        sensitive=chosen.sensitive,
        language=chosen.language,
        discoverable=me.discoverable,
        indexable=me.indexable,
        follow_requests_count=requests_count,
    )
    return CredentialAccount(**_facts_of(call, me), source=source)


def profile_of(call: Call, me: MeView) -> Profile:
    """What a person says of themselves, to be changed by them: pictures that nobody chose are none."""
    facts = _facts_of(call, me)
    has_avatar, has_header = not facts["avatar"].endswith("missing.png"), me.header_url is not None
    return Profile(
        me.id,
        me.name,
        me.bio,
        [Field(field.name, field.value) for field in fields_of(me)],
        avatar=facts["avatar"] if has_avatar else None,
        avatar_static=facts["avatar"] if has_avatar else None,
        header=facts["header"] if has_header else None,
        header_static=facts["header"] if has_header else None,
        locked=me.locked,
        bot=me.bot,
        discoverable=me.discoverable,
        indexable=me.indexable,
    )


def fields_of(user: UserView) -> list[FieldView]:
    """What apps show and change as fields: where somebody is comes first."""
    return [*([FieldView(LOCATION, user.location)] if user.location else []), *user.fields]


def _facts_of(call: Call, user: UserView) -> dict[str, Any]:
    base = call.base
    url = account_url(base, user.username)
    # A bird is drawn as SVG, which few apps show: these look at the name instead, and draw their own.
    is_drawn = user.avatar_url.endswith(".svg")
    avatar = base + (MISSING_AVATAR if is_drawn else user.avatar_url)
    header = base + (user.header_url or MISSING_HEADER)
    return {
        "id": user.id,
        "username": user.username,
        "acct": user.username,
        "url": url,
        "uri": url,
        "display_name": user.name,
        "note": plain_html(user.bio),
        "avatar": avatar,
        "avatar_static": avatar,
        "header": header,
        "header_static": header,
        "created_at": user.created_at,
        "followers_count": user.counts.followers,
        "following_count": user.counts.following,
        "statuses_count": user.counts.tweets,
        "locked": user.locked,
        "fields": [Field(field.name, entry_html(field.value)) for field in fields_of(user)],
        "bot": user.bot,
        "discoverable": user.discoverable,
        "indexable": user.indexable,
        "noindex": not user.indexable,
    }


async def relationship_of(call: Call, user: UserView) -> Relationship:
    """How one stands to somebody."""
    [found] = await relationships_of(call, [user])
    return found


async def relationships_of(call: Call, users: Sequence[UserView]) -> list[Relationship]:
    """How one stands to people, in their order."""
    known = await standings(call.read, call.me, [UserId(int(user.id)) for user in users])
    return [_relationship_of(user, known[UserId(int(user.id))]) for user in users]


async def muted_accounts_of(call: Call, users: Sequence[UserView]) -> list[MutedAccount]:
    """Whom one mutes, and until when."""
    known = await standings(call.read, call.me, [UserId(int(user.id)) for user in users])
    return [
        MutedAccount(**_facts_of(call, user), mute_expires_at=_time_or_none(known[UserId(int(user.id))].muted_until_ms))
        for user in users
    ]


def _time_or_none(unix_ms: int | None) -> str | None:
    return None if unix_ms is None else rfc3339(unix_ms)


def _relationship_of(user: UserView, known: Standing) -> Relationship:
    stands = user.viewer
    if stands is None:
        return Relationship(user.id, note=known.remark)
    return Relationship(
        user.id,
        following=stands.following,
        showing_reblogs=stands.following,
        followed_by=stands.followed_by,
        blocking=stands.blocking,
        muting=stands.muting,
        muting_notifications=stands.muting,
        requested=stands.requested,
        requested_by=stands.requested_by,
        note=known.remark,
        endorsed=known.endorsed,
        muting_expires_at=_time_or_none(known.muted_until_ms),
    )


async def statuses_of(call: Call, items: Sequence[bytes]) -> list[Status]:
    """In the order of a page. An author who went since the page was read is left out with what they wrote."""
    tweets = [read_tweet(item) for item in items]
    people = {int(tweet.author.id) for tweet in tweets}
    people |= {int(tweet.retweet_of.author.id) for tweet in tweets if tweet.retweet_of is not None}
    accounts = await accounts_by_id(call, people) if people else {}
    found = (entity_of(call, tweet, accounts) for tweet in tweets)
    return [status for status in found if status is not None]


async def status_of(call: Call, item: bytes) -> Status:
    """Of a screen with one tweet."""
    [status] = await statuses_of(call, [item])
    return status


def entity_of(call: Call, tweet: TweetView, accounts: Mapping[str, Account | msgspec.Raw]) -> Status | None:
    """With these accounts, by their ids; None without one of its authors."""
    account = accounts.get(tweet.author.id)
    if account is None:
        return None
    # Of a retweet, what is said of the conversation of what is in it.
    shown, reblog, filtered, muted = tweet, None, _filtered_of(tweet), tweet.muted
    if tweet.retweet_of is not None:
        shown = tweet.retweet_of
        # The filters that it matches stand with the retweet, since that is what is shown.
        reblog = entity_of(call, msgspec.structs.replace(shown, filtered=tweet.filtered, muted=muted), accounts)
        if reblog is None:
            return None
    base = call.base
    url = status_url(base, tweet.author.username, tweet.id)
    viewer = shown.viewer
    is_own = call.viewer_id is not None and tweet.author.id == str(call.viewer_id)
    return Status(
        id=tweet.id,
        uri=url,
        url=url,
        created_at=tweet.created_at,
        account=account,
        # A retweet says what is inside it, as others' do.
        content=text_html(base, shown.text, shown.entities),
        mentions=[
            StatusMention(mention.user_id, mention.username, mention.username, account_url(base, mention.username))
            for mention in _once(shown)
        ],
        tags=[StatusTag(tag, tag_url(base, tag)) for tag in dict.fromkeys(tag.text for tag in shown.entities.hashtags)],
        replies_count=shown.counts.replies,
        reblogs_count=shown.counts.retweets,
        favourites_count=shown.counts.likes,
        in_reply_to_id=None if tweet.reply_to is None else tweet.reply_to.tweet_id,
        in_reply_to_account_id=None if tweet.reply_to is None else tweet.reply_to.user_id,
        reblog=reblog,
        sensitive=shown.sensitive,
        spoiler_text=shown.warning,
        media_attachments=[media_of(call, attachment) for attachment in shown.attachments],
        poll=poll_of(call, shown),
        favourited=viewer is not None and viewer.liked,
        reblogged=viewer is not None and viewer.retweeted,
        bookmarked=viewer is not None and viewer.bookmarked,
        muted=muted,
        filtered=filtered,
        visibility=shown.visibility or "public",
        edited_at=shown.edited_at or None,
        pinned=tweet.pinned if is_own and reblog is None else msgspec.UNSET,
    )


def poll_of(call: Call, tweet: TweetView) -> Poll | None:
    """A tweet's poll. Whoever asks has voted, as apps have it: they are shown what was counted."""
    poll = tweet.poll
    if poll is msgspec.UNSET:
        return None
    own = None if poll.viewer is None else poll.viewer.choices
    return Poll(
        tweet.id,
        poll.ends_at,
        poll.ended,
        poll.multiple,
        poll.votes_count,
        poll.voters_count,
        [PollOption(option.text, option.votes) for option in poll.options],
        voted=msgspec.UNSET if own is None else bool(own) or tweet.author.id == str(call.viewer_id),
        own_votes=msgspec.UNSET if own is None else own,
    )


def version_of(call: Call, version: TweetVersionView, account: Account | msgspec.Raw) -> StatusEdit:
    """What a status said at some time, of this account."""
    return StatusEdit(
        text_html(call.base, version.text, version.entities),
        version.warning,
        version.sensitive,
        version.created_at,
        account,
        [media_of(call, attachment) for attachment in version.attachments],
    )


def media_of(call: Call, attachment: AttachmentView) -> MediaAttachment:
    """A picture of a tweet, or one that is to stand in one."""
    preview = attachment.preview
    return MediaAttachment(
        attachment.id,
        call.base + attachment.url,
        call.base + preview.url,
        MediaMeta(
            _size(attachment.width, attachment.height),
            _size(preview.width, preview.height),
            MediaFocus(attachment.focus.x, attachment.focus.y),
        ),
        attachment.description or None,
        attachment.blurhash,
    )


def _size(width: int, height: int) -> MediaSize:
    return MediaSize(width, height, f"{width}x{height}", width / height)


def _filtered_of(tweet: TweetView) -> list[FilterResult]:
    """All that match; an app knows where it shows the status, and which of them hold there."""
    if tweet.filtered is msgspec.UNSET:
        return []
    shown = tweet.retweet_of or tweet
    return [
        FilterResult(
            Filter(
                match.filter.id,
                match.filter.title,
                list(match.filter.contexts),
                match.filter.expires_at,
                match.filter.action,
            ),
            match.keywords or None,
            [shown.id] if match.by_name else None,
        )
        for match in tweet.filtered
    ]


def _once(tweet: TweetView) -> list[MentionView]:
    """Each person who is mentioned, though it be several times."""
    return list({mention.user_id: mention for mention in tweet.entities.mentions}.values())
