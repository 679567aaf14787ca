"""Two people and their apps: everything that Mastodon.py does with what linnet has, over real sockets."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from mastodon import Mastodon, MastodonAPIError, MastodonNotFoundError, MastodonUnauthorizedError
from PIL import Image

from tests.apps._apps import mastodon_of
from tests.web._site import WebSite


def ids(statuses: Any) -> list[int]:
    return [status["id"] for status in statuses]


def test_two_people_meet_through_their_apps(site: WebSite) -> None:
    ada, ben = site.sign_up("ada"), site.sign_up("ben")
    adas, bens = mastodon_of(site.url, ada), mastodon_of(site.url, ben)
    check_place(site, adas)
    me = adas.account_verify_credentials()
    assert (me["username"], me["acct"], me["url"]) == ("ada", "ada", f"{site.url}/@ada")
    assert me["source"]["note"] == ""
    ben_id = adas.account_lookup("ben")["id"]
    tweet = check_posts(site, adas, bens, me["id"])
    check_follows(site, adas, bens, me["id"], ben_id, tweet)
    check_reactions(site, adas, bens, me["id"], ben_id, tweet)
    check_conversation(site, adas, bens, tweet)
    check_poll(site, adas, bens)
    check_pages(site, bens, me["id"])
    check_notifications(adas, ben_id)
    check_search(site, adas, bens, me["id"])
    check_profile(adas, bens, me["id"])
    check_keeping_away(site, adas, bens, me["id"], ben_id)
    check_pictures(adas, me["id"])
    check_edits(site, adas, bens)
    check_messages(site, adas, bens)
    adas.status_delete(tweet)
    with pytest.raises(MastodonNotFoundError):
        bens.status(tweet)
    adas.revoke_access_token(allow_http=True)
    with pytest.raises(MastodonUnauthorizedError):
        Mastodon(access_token=ada.token + "x", api_base_url=site.url).account_verify_credentials()


def check_place(site: WebSite, api: Mastodon) -> None:
    assert api.app_verify_credentials()["name"] == "A bot"
    instance = api.instance()
    assert instance["configuration"]["statuses"]["max_characters"] == 140
    assert instance["registrations"]["enabled"]
    assert api.instance_v1()["uri"] == site.url.partition("://")[2]
    assert api.instance_nodeinfo()["software"]["name"] == "linnet"
    assert api.preferences()["posting:default:visibility"] == "public"
    for nothing in (api.lists, api.filters_v2, api.conversations, api.custom_emojis, api.announcements, api.bookmarks):
        assert nothing() == []
    assert api.follow_requests() == []
    assert api.followed_tags() == []
    assert api.tag_follow("bread")["following"]
    assert [tag["name"] for tag in api.followed_tags()] == ["bread"]
    assert api.tag("Bread")["following"]
    assert not api.tag_unfollow("bread")["following"]


def check_posts(site: WebSite, adas: Mastodon, bens: Mastodon, ada_id: int) -> int:
    text = "Fresh #bread,\nthe <best> of @ben https://bread.example/a?b=c&d=e"
    posted = adas.status_post(text, idempotency_key="once")
    assert adas.status_post(text, idempotency_key="once")["id"] == posted["id"]
    assert posted["content"] == (
        f'<p>Fresh <a href="{site.url}/tags/bread" class="mention hashtag" rel="tag">#<span>bread</span></a>,<br />'
        f'the &lt;best&gt; of <span class="h-card" translate="no"><a href="{site.url}/@ben" class="u-url mention">'
        '@<span>ben</span></a></span> <a href="https://bread.example/a?b=c&amp;d=e"'
        ' rel="nofollow noopener noreferrer" target="_blank">https://bread.example/a?b=c&amp;d=e</a></p>'
    )
    assert posted["url"] == f"{site.url}/@ada/{posted['id']}"
    assert posted["account"]["id"] == ada_id
    assert [tag["name"] for tag in posted["tags"]] == ["bread"]
    assert [mention["username"] for mention in posted["mentions"]] == ["ben"]
    with pytest.raises(MastodonAPIError):
        adas.status_post("Not for everybody", scheduled_at=datetime(2040, 1, 1, tzinfo=UTC))
    with pytest.raises(MastodonAPIError):
        adas.status_post("x" * 141)
    with pytest.raises(MastodonNotFoundError):
        bens.status_delete(posted["id"])
    site.settle()
    tweet: int = posted["id"]
    return tweet


def check_edits(site: WebSite, adas: Mastodon, bens: Mastodon) -> None:
    posted = adas.status_post("A sparow", spoiler_text="Birds")
    assert posted["edited_at"] is None
    bens.status_reblog(posted)
    source = adas.status_source(posted)
    assert (source["text"], source["spoiler_text"]) == ("A sparow", "Birds")
    edited = adas.status_update(posted, "A sparrow #bird", spoiler_text=source["spoiler_text"])
    assert (edited["id"], edited["spoiler_text"]) == (posted["id"], "Birds")
    assert edited["edited_at"] > edited["created_at"] == posted["created_at"]
    assert [tag["name"] for tag in edited["tags"]] == ["bird"]
    assert bens.status(posted)["content"] == edited["content"]
    assert adas.status_update(posted, "A sparrow #bird", spoiler_text="Birds")["edited_at"] == edited["edited_at"]
    history = bens.status_history(posted)
    assert [each["content"] for each in history] == ["<p>A sparow</p>", edited["content"]]
    assert [each["account"]["username"] for each in history] == ["ada", "ada"]
    site.settle()
    told = bens.notifications(types=["update"])
    assert [(each["type"], each["status"]["id"]) for each in told] == [("update", posted["id"])]
    with pytest.raises(MastodonNotFoundError):
        bens.status_update(posted, "Mine")
    with pytest.raises(MastodonAPIError):
        adas.status_update(posted, "x" * 141)
    adas.status_delete(posted)
    assert bens.notifications(types=["update"]) == []


def check_pictures(adas: Mastodon, ada_id: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(file, "PNG")
    media = adas.media_post(file.getvalue(), mime_type="image/png", description="Bread", focus=(0.5, -0.5))
    assert (media["type"], media["description"]) == ("image", "Bread")
    assert media["meta"]["focus"] == {"x": 0.5, "y": -0.5}
    media = adas.media_update(media, description="Fresh bread")
    assert adas.media(media)["description"] == "Fresh bread"
    posted = adas.status_post("", media_ids=[media], spoiler_text="Smells", sensitive=True)
    assert (posted["spoiler_text"], posted["sensitive"]) == ("Smells", True)
    assert [each["description"] for each in posted["media_attachments"]] == ["Fresh bread"]
    assert ids(adas.account_statuses(ada_id, only_media=True)) == [posted["id"]]
    with pytest.raises(MastodonAPIError):
        adas.media_update(media, description="Stale bread")
    # To write it anew one deletes it, and posts the same picture again.
    adas.status_delete(posted["id"])
    again = adas.status_post("Once more", media_ids=[media])
    assert [each["id"] for each in again["media_attachments"]] == [media["id"]]
    adas.status_delete(again["id"])


def check_follows(site: WebSite, adas: Mastodon, bens: Mastodon, ada_id: int, ben_id: int, tweet: int) -> None:
    assert bens.timeline_home() == []
    assert bens.account_follow(ada_id)["following"]
    assert ids(bens.timeline_home()) == [tweet]
    [stands] = adas.account_relationships(ben_id)
    assert (stands["followed_by"], stands["following"], stands["requested"]) == (True, False, False)
    assert [account["id"] for account in adas.account_followers(ada_id)] == [ben_id]
    assert [account["id"] for account in adas.account_following(ben_id)] == [ada_id]
    assert not bens.account_unfollow(ada_id)["following"]
    assert bens.timeline_home() == []
    bens.account_follow(ada_id)
    site.settle()


def check_reactions(site: WebSite, adas: Mastodon, bens: Mastodon, ada_id: int, ben_id: int, tweet: int) -> None:
    assert bens.status_favourite(tweet)["favourited"]
    wrapper = bens.status_reblog(tweet)
    assert wrapper["id"] != wrapper["reblog"]["id"] == tweet
    assert wrapper["reblogged"]
    assert wrapper["reblog"]["reblogged"]
    assert wrapper["account"]["id"] == ben_id
    site.settle()
    seen = adas.status(tweet)
    assert (seen["favourites_count"], seen["reblogs_count"]) == (1, 1)
    assert [account["id"] for account in adas.status_favourited_by(tweet)] == [ben_id]
    assert [account["id"] for account in adas.status_reblogged_by(tweet)] == [ben_id]
    assert ids(bens.favourites()) == [tweet]
    assert ids(bens.account_statuses(ben_id)) == [wrapper["id"]]
    assert bens.account_statuses(ben_id, exclude_reblogs=True) == []
    assert not bens.status_unreblog(tweet)["reblogged"]
    assert not bens.status_unfavourite(tweet)["favourited"]
    assert bens.favourites() == []
    bens.status_favourite(tweet)
    assert bens.status_bookmark(tweet)["bookmarked"]
    assert ids(bens.bookmarks()) == [tweet]
    assert adas.bookmarks() == []
    assert not bens.status_unbookmark(tweet)["bookmarked"]
    assert bens.bookmarks() == []
    assert adas.status_pin(tweet)["pinned"]
    assert ids(bens.account_statuses(ada_id, pinned=True)) == [tweet]
    assert not adas.status_unpin(tweet)["pinned"]
    site.settle()


def check_conversation(site: WebSite, adas: Mastodon, bens: Mastodon, tweet: int) -> None:
    answer = bens.status_reply(adas.status(tweet), "I bake, too", untag=True)
    site.settle()
    further = adas.status_post("Bring some", in_reply_to_id=answer["id"])
    other = bens.status_post("Or buns", in_reply_to_id=tweet)
    site.settle()
    assert answer["in_reply_to_id"] == tweet
    context = adas.status_context(tweet)
    assert context["ancestors"] == []
    assert ids(context["descendants"]) == [answer["id"], further["id"], other["id"]], "branch by branch"
    assert ids(adas.status_context(further["id"])["ancestors"]) == [tweet, answer["id"]]
    assert ids(adas.account_statuses(answer["account"]["id"], exclude_replies=True)) == []


def check_messages(site: WebSite, adas: Mastodon, bens: Mastodon) -> None:
    said = adas.status_post("@ben between you and me", visibility="direct")
    site.settle()
    [told] = bens.conversations()
    assert (told["unread"], [each["username"] for each in told["accounts"]]) == (True, ["ada"])
    assert (told["last_status"]["id"], told["last_status"]["visibility"]) == (said["id"], "direct")
    assert not bens.conversations_read(told["id"])["unread"]
    answer = bens.status_reply(said, "it stays there")
    assert answer["visibility"] == "direct"
    site.settle()
    [told] = adas.conversations()
    assert (told["unread"], told["last_status"]["id"]) == (True, answer["id"])
    assert not {said["id"], answer["id"]} & set(ids(bens.timeline_home()))
    assert bens.status_mute(said)["muted"]
    assert not bens.status_unmute(said)["muted"]


def check_pages(site: WebSite, bens: Mastodon, ada_id: int) -> None:
    """Pages of three join without a seam, upwards and downwards, and are the whole timeline."""
    posts = [bens.status_post(f"Crumb {number}")["id"] for number in range(7)]
    site.settle()
    whole = ids(bens.timeline_home(limit=40))
    assert whole[:7] == posts[::-1]
    first = bens.timeline_home(limit=3)
    assert ids(bens.fetch_remaining(first)) == whole
    second = bens.fetch_next(first)
    assert ids(bens.fetch_previous(second)) == ids(first)
    assert ids(bens.timeline_home(limit=3, min_id=whole[5])) == whole[2:5]
    assert ids(bens.timeline_home(limit=3, since_id=whole[5])) == whole[:3]
    assert ids(bens.timeline_home(limit=3, max_id=whole[2])) == whole[3:6]
    assert ids(bens.timeline_home(limit=9, max_id=whole[1], min_id=whole[4])) == whole[2:4]
    assert ids(bens.timeline_public(limit=3)) == posts[:3:-1]
    [of_tag] = bens.timeline_hashtag("bread")
    assert of_tag["account"]["id"] == ada_id


def check_notifications(adas: Mastodon, ben_id: int) -> None:
    told = adas.notifications()
    assert {each["type"] for each in told} == {"follow", "favourite", "mention"}
    assert {each["account"]["id"] for each in told} == {ben_id}
    assert [each["type"] for each in adas.notifications(types=["follow"])] == ["follow"]
    assert "follow" not in {each["type"] for each in adas.notifications(exclude_types=["follow"])}
    assert adas.notifications(id=told[0]["id"])["id"] == told[0]["id"]
    assert ids(adas.fetch_remaining(adas.notifications(limit=1))) == ids(told)
    groups = adas.grouped_notifications()["notification_groups"]
    assert {group["type"] for group in groups} == {"follow", "favourite", "mention"}
    assert adas.notifications_unread_count()["count"] > 0
    marked = adas.markers_set(["notifications", "home"], [told[0]["id"], told[0]["id"]])
    assert marked["notifications"]["version"] == 1
    assert adas.markers_get(["notifications"])["notifications"]["last_read_id"] == told[0]["id"]
    assert adas.notifications_unread_count()["count"] == 0, "also in the web app"


def check_poll(site: WebSite, adas: Mastodon, bens: Mastodon) -> None:
    """Mastodon.py writes yes and no as 1 and 0, and numbers as text."""
    limits = adas.instance()["configuration"]["polls"]
    assert (limits["max_options"], limits["max_characters_per_option"]) == (4, 50)
    wish = adas.make_poll(["Rye", "Wheat", "Oat"], expires_in=300, multiple=True, hide_totals=True)
    asked = adas.status_post("Which one?", poll=wish)
    poll = asked["poll"]
    assert (poll["multiple"], poll["expired"], poll["voted"], poll["own_votes"]) == (True, False, True, [])
    assert [option["votes_count"] for option in poll["options"]] == [None, None, None]
    with pytest.raises(MastodonAPIError, match="own poll"):
        adas.poll_vote(poll["id"], [0])
    voted = bens.poll_vote(poll["id"], [0, 2])
    assert (voted["voted"], voted["own_votes"], voted["votes_count"], voted["voters_count"]) == (True, [0, 2], 2, 1)
    with pytest.raises(MastodonAPIError, match="voted in this poll"):
        bens.poll_vote(poll["id"], 1)
    site.settle()
    assert bens.poll(poll["id"])["own_votes"] == [0, 2]
    assert adas.poll(poll["id"])["votes_count"] == 2
    adas.status_delete(asked)
    with pytest.raises(MastodonNotFoundError):
        bens.poll(poll["id"])


def check_search(site: WebSite, adas: Mastodon, bens: Mastodon, ada_id: int) -> None:
    found = bens.search("bread")
    assert [tag["name"] for tag in found["hashtags"]] == ["bread"]
    assert [status["account"]["id"] for status in found["statuses"]] == [ada_id]
    assert [account["id"] for account in bens.search("@ada")["accounts"]] == [ada_id]
    assert [account["id"] for account in bens.account_search("ada")] == [ada_id]
    [mine] = adas.search("from:me bread", result_type="statuses")["statuses"]
    led = bens.search(mine["url"], resolve=True)
    assert ids(led["statuses"]) == [mine["id"]]
    assert [account["id"] for account in bens.search(f"{site.url}/@ada", resolve=True)["accounts"]] == [ada_id]
    assert bens.search("https://elsewhere.example/@ada", resolve=True)["accounts"] == []


def check_profile(adas: Mastodon, bens: Mastodon, ada_id: int) -> None:
    assert adas.account_verify_credentials()["avatar"].endswith("missing.png")
    picture = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(picture, "PNG")
    changed = adas.account_update_credentials(
        display_name="Ada B.", note="Bakes <bread>", avatar=picture.getvalue(), avatar_mime_type="image/png"
    )
    assert changed["display_name"] == "Ada B."
    assert changed["source"]["note"] == "Bakes <bread>"
    assert changed["note"] == "<p>Bakes &lt;bread&gt;</p>"
    assert changed["avatar"].endswith("192.webp")
    assert bens.account(ada_id)["display_name"] == "Ada B."


def check_keeping_away(site: WebSite, adas: Mastodon, bens: Mastodon, ada_id: int, ben_id: int) -> None:
    assert bens.account_mute(ada_id)["muting"]
    assert [account["id"] for account in bens.mutes()] == [ada_id]
    assert ada_id not in {status["account"]["id"] for status in bens.timeline_home()}
    assert not bens.account_unmute(ada_id)["muting"]
    assert ada_id in {status["account"]["id"] for status in bens.timeline_home()}
    assert bens.account_mute(ada_id, duration=600)["muting_expires_at"] is not None
    [muted] = bens.mutes()
    assert muted["mute_expires_at"] is not None
    bens.account_unmute(ada_id)
    assert adas.account_note_set(ben_id, "Bakes, too")["note"] == "Bakes, too"
    bens.account_follow(ada_id)
    assert not adas.account_remove_from_followers(ben_id)["followed_by"]
    assert adas.account_block(ben_id)["blocking"]
    assert [account["id"] for account in adas.blocks()] == [ben_id]
    [stands] = bens.account_relationships(ada_id)
    assert (stands["following"], stands["blocked_by"]) == (False, False), "nobody is told"
    assert ada_id not in {status["account"]["id"] for status in bens.timeline_public()}
    with pytest.raises(MastodonAPIError):
        bens.account_follow(ada_id)
    assert not adas.account_unblock(ben_id)["blocking"]
    site.settle()
