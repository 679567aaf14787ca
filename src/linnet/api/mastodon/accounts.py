"""Accounts: people, what they wrote, and how one stands to them."""

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlsplit

from linnet.api.answers import Answer
from linnet.api.mastodon.answers import answer
from linnet.api.mastodon.endpoints import Call, Route
from linnet.api.mastodon.paging import view_links, wanted_of
from linnet.api.mastodon.params import Params
from linnet.api.mastodon.rendering import (
    account_of,
    muted_accounts_of,
    relationship_of,
    relationships_of,
    statuses_of,
)
from linnet.api.mastodon.timelines import page_of
from linnet.domain.timeline import Range
from linnet.errors import UserNotFound
from linnet.ids import UserId
from linnet.read.timelines.bookmarks import bookmarks_page
from linnet.read.timelines.endorsements import endorsed_page, familiar_followers
from linnet.read.timelines.likes import liked_page
from linnet.read.timelines.people import (
    blocked_page,
    followers_page,
    following_page,
    muted_page,
    people_screen,
    requesters_page,
    user_by_username_screen,
    user_screen,
)
from linnet.read.timelines.user import Part, pinned_of, user_tweets_page
from linnet.read.views.pages import PageView
from linnet.read.views.users import UserView
from linnet.write.actions import blocks, endorsements, followrequests, follows
from linnet.write.actions.remarks import put_remark
from linnet.write.deps import WriteDeps

_MOST_ASKED = 80


async def get_account(call: Call) -> Answer:
    """Somebody's account, by its id."""
    return answer(account_of(call, await user_screen(call.read, call.viewer_id, call.user_id())))


async def get_accounts(call: Call) -> Answer:
    """Several, by their ids; those who are gone are left out."""
    found = await people_screen(call.read, call.viewer_id, _ids(call.query()))
    return answer([account_of(call, user) for user in found])


async def lookup(call: Call) -> Answer:
    """Somebody's account, by its name."""
    username = local_name(call, call.query().text("acct"))
    if username is None:
        raise UserNotFound
    return answer(account_of(call, await user_by_username_screen(call.read, call.viewer_id, username)))


def local_name(call: Call, acct: str) -> str | None:
    """A name of ours, with or without where we are; None for one from elsewhere, or none at all."""
    username, _, host = acct.strip().removeprefix("@").partition("@")
    if host and host.lower() != urlsplit(call.base).netloc.lower():
        return None
    return username or None


async def get_account_statuses(call: Call) -> Answer:
    """What somebody wrote and retweeted, newest first; or what they pinned."""
    params = call.query()
    user_id = call.user_id()
    if params.flag("pinned"):
        item = await pinned_of(call.read, call.viewer_id, user_id)
        return answer(await statuses_of(call, [] if item is None else [item]))
    part: Part = "tweets" if params.flag("exclude_replies") else "all"
    with_retweets = not params.flag("exclude_reblogs")
    only_pictures = params.flag("only_media")
    return await page_of(
        call,
        params,
        lambda wanted: user_tweets_page(
            call.read,
            call.viewer_id,
            user_id,
            wanted,
            part=part,
            pinned_first=False,
            with_retweets=with_retweets,
            only_pictures=only_pictures,
        ),
    )


async def get_followers(call: Call) -> Answer:
    """The newest follow first."""
    return await _people(call, partial(followers_page, call.read, call.viewer_id, call.user_id()))


async def get_following(call: Call) -> Answer:
    """The newest follow first."""
    return await _people(call, partial(following_page, call.read, call.viewer_id, call.user_id()))


async def get_blocks(call: Call) -> Answer:
    """Whom one blocks."""
    return await _people(call, partial(blocked_page, call.read, call.me))


async def get_follow_requests(call: Call) -> Answer:
    """Who asked to follow one."""
    return await _people(call, partial(requesters_page, call.read, call.me))


async def get_mutes(call: Call) -> Answer:
    """Whom one mutes."""
    params = call.query()
    page = await muted_page(call.read, call.me, wanted_of(params, default=40, most=80).range)
    return answer(await muted_accounts_of(call, page.items), 200, *view_links(call, params, page))


async def _people(call: Call, fetch: Callable[[Range], Awaitable[PageView[UserView]]]) -> Answer:
    params = call.query()
    page = await fetch(wanted_of(params, default=40, most=80).range)
    return answer([account_of(call, user) for user in page.items], 200, *view_links(call, params, page))


async def get_favourites(call: Call) -> Answer:
    """What one likes, the newest like first."""
    return await page_of(call, call.query(), lambda wanted: liked_page(call.read, call.me, call.me, wanted))


async def get_bookmarks(call: Call) -> Answer:
    """What one put by, the newest bookmark first."""
    return await page_of(call, call.query(), lambda wanted: bookmarks_page(call.read, call.me, wanted))


async def get_relationships(call: Call) -> Answer:
    """How one stands to several people."""
    found = await people_screen(call.read, call.me, _ids(call.query()))
    return answer(await relationships_of(call, found))


def _ids(params: Params) -> list[UserId]:
    """Each once, in the order in which they came; what can be no id is nobody's."""
    texts = dict.fromkeys(text for text in params.texts("id") if text.isascii() and text.isdigit() and len(text) < 19)
    return [UserId(int(text)) for text in list(texts)[:_MOST_ASKED]]


async def get_endorsements(call: Call) -> Answer:
    """Whom one shows on one's page."""
    return await _people(call, partial(endorsed_page, call.read, call.me, call.me))


async def get_account_endorsements(call: Call) -> Answer:
    """Whom somebody shows on their page."""
    return await _people(call, partial(endorsed_page, call.read, call.viewer_id, call.user_id()))


async def get_familiar_followers(call: Call) -> Answer:
    """Who of those one follows follows these people."""
    asked = [user_id for user_id in _ids(call.query()) if user_id != call.me]
    there = [UserId(int(user.id)) for user in await people_screen(call.read, call.me, asked)]
    found = await familiar_followers(call.read, call.me, there)
    return answer(
        [{"id": str(user_id), "accounts": [account_of(call, user) for user in found[user_id]]} for user_id in there]
    )


_Verb = Callable[[WriteDeps, UserId, UserId], Awaitable[None]]


def _does(verb: _Verb) -> Callable[[Call], Awaitable[Answer]]:
    """A handler that does it, and says how one stands to them then."""

    async def handle(call: Call) -> Answer:
        other_id = call.user_id()
        await verb(call.write, call.me, other_id)
        return await _answer_relationship(call, other_id)

    handle.__name__ = verb.__name__
    return handle


async def _answer_relationship(call: Call, other_id: UserId) -> Answer:
    return answer(await relationship_of(call, await user_screen(call.read, call.me, other_id)))


async def mute(call: Call) -> Answer:
    """For a time, if one is named. Notifications are always muted, too."""
    params, other_id = await call.body(), call.user_id()
    await blocks.mute(call.write, call.me, other_id, seconds=params.number("duration") or None)
    return await _answer_relationship(call, other_id)


async def post_note(call: Call) -> Answer:
    """Notes something of somebody, for oneself; nothing takes it away."""
    params, other_id = await call.body(), call.user_id()
    await put_remark(call.write, call.me, other_id, params.text("comment"))
    return await _answer_relationship(call, other_id)


_ONE = "/api/v1/accounts/{id}"
_READ = ("read:accounts",)
_ENDORSE = ("write:accounts",)
_BLOCKS, _MUTES, _FOLLOWS = ("write:blocks",), ("write:mutes",), ("write:follows",)

ROUTES = (
    Route("GET", "/api/v1/accounts/relationships", get_relationships, ("read:follows",)),
    Route("GET", "/api/v1/accounts/lookup", lookup, _READ, access="viewer"),
    Route("GET", "/api/v1/accounts", get_accounts, _READ, access="viewer"),
    Route("GET", _ONE, get_account, _READ, access="viewer"),
    Route("GET", f"{_ONE}/statuses", get_account_statuses, ("read:statuses",), access="viewer"),
    Route("GET", f"{_ONE}/followers", get_followers, _READ, access="viewer"),
    Route("GET", f"{_ONE}/following", get_following, _READ, access="viewer"),
    Route("POST", f"{_ONE}/follow", _does(follows.follow), _FOLLOWS, limit="follow"),
    Route("POST", f"{_ONE}/unfollow", _does(follows.unfollow), _FOLLOWS),
    Route("POST", f"{_ONE}/remove_from_followers", _does(follows.remove_follower), _FOLLOWS),
    Route("POST", f"{_ONE}/note", post_note, ("write:accounts",)),
    Route("POST", f"{_ONE}/block", _does(blocks.block), _BLOCKS, limit="block"),
    Route("POST", f"{_ONE}/unblock", _does(blocks.unblock), _BLOCKS),
    Route("POST", f"{_ONE}/mute", mute, _MUTES, limit="mute"),
    Route("POST", f"{_ONE}/unmute", _does(blocks.unmute), _MUTES),
    *(Route("POST", f"{_ONE}/{name}", _does(endorsements.endorse), _ENDORSE) for name in ("endorse", "pin")),
    *(Route("POST", f"{_ONE}/{name}", _does(endorsements.unendorse), _ENDORSE) for name in ("unendorse", "unpin")),
    Route("GET", f"{_ONE}/endorsements", get_account_endorsements, _READ, access="viewer"),
    Route("GET", "/api/v1/endorsements", get_endorsements, _READ),
    Route("GET", "/api/v1/accounts/familiar_followers", get_familiar_followers, ("read:follows",)),
    Route("GET", "/api/v1/follow_requests", get_follow_requests, ("read:follows",)),
    Route("POST", "/api/v1/follow_requests/{id}/authorize", _does(followrequests.accept), _FOLLOWS),
    Route("POST", "/api/v1/follow_requests/{id}/reject", _does(followrequests.refuse), _FOLLOWS),
    Route("GET", "/api/v1/blocks", get_blocks, ("read:blocks",)),
    Route("GET", "/api/v1/mutes", get_mutes, ("read:mutes",)),
    Route("GET", "/api/v1/favourites", get_favourites, ("read:favourites",)),
    Route("GET", "/api/v1/bookmarks", get_bookmarks, ("read:bookmarks",)),
)
