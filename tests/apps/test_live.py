"""Apps hear what happens as it happens: by server-sent events and by a WebSocket, with all ways to bring the token."""

import json
import queue
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from mastodon import StreamListener

from tests.apps._apps import mastodon_of
from tests.apps._socket import opened
from tests.http.mastodon_published import faults
from tests.web._site import WebSite

PATH = "/api/v1/streaming"
DEADLINE_SECONDS = 120.0


class Ear(StreamListener):
    """Keeps what it hears, in order."""

    def __init__(self) -> None:
        self.heard: queue.Queue[tuple[str, Any]] = queue.Queue()

    def on_update(self, status: Any) -> None:
        self.heard.put(("update", status["content"]))

    def on_status_update(self, status: Any) -> None:
        self.heard.put(("status.update", status["content"]))

    def on_delete(self, status_id: Any) -> None:
        self.heard.put(("delete", int(status_id)))

    def on_notification(self, notification: Any) -> None:
        self.heard.put(("notification", notification["type"]))

    def handle_heartbeat(self) -> None:
        self.heard.put(("beat", None))

    def on_abort(self, err: Exception) -> None:
        self.heard.put(("abort", err))

    def next(self) -> tuple[str, Any]:
        """The next that happened; a beat is none."""
        while True:
            event = self.heard.get(timeout=DEADLINE_SECONDS)
            if event[0] != "beat":
                return event

    def wait_open(self) -> None:
        """Until the first thing that comes, which says so."""
        assert self.heard.get(timeout=DEADLINE_SECONDS) == ("beat", None)


def test_mastodon_py_hears_tweets_deletions_and_notifications(site: WebSite) -> None:
    carl, dora = site.newcomer("carl"), site.newcomer("dora")
    carls, doras = mastodon_of(site.url, carl), mastodon_of(site.url, dora)
    carls.account_follow(dora.id)
    doras.status_post("Before anybody listens")
    site.settle()
    assert carls.stream_healthy()
    ear = Ear()
    with ThreadPoolExecutor(1) as beside:
        listening = beside.submit(carls.stream_user, ear)
        try:
            ear.wait_open()
            own = carls.status_post("Is it on?")
            assert ear.next() == ("update", "<p>Is it on?</p>")
            posted = doras.status_post("Crumbs")
            assert ear.next() == ("update", "<p>Crumbs</p>")
            doras.status_favourite(own)
            assert ear.next() == ("notification", "favourite")
            doras.status_update(posted, "Bread crumbs")
            assert ear.next() == ("status.update", "<p>Bread crumbs</p>")
            doras.status_delete(posted)
            assert ear.next() == ("delete", int(posted["id"]))
            # What is not deleted is not said to be.
            carls.account_unfollow(dora.id)
            doras.status_post(f"Thank you, @{carl.name}")
            assert ear.next() == ("notification", "mention")
        finally:
            # With the app's access its stream ends, too.
            carls.revoke_access_token(allow_http=True)
        listening.result(timeout=DEADLINE_SECONDS)


@pytest.mark.parametrize("way", ["protocol", "header", "address"])
def test_a_socket_hears_what_it_subscribed_to(site: WebSite, way: str) -> None:
    eve = site.newcomer("eve")
    fred = site.newcomer("fred")
    token = str(mastodon_of(site.url, eve).access_token)
    path, headers = PATH, dict[str, str]()
    match way:
        case "protocol":
            headers = {"Sec_WebSocket_Protocol": token}
        case "header":
            headers = {"Authorization": f"Bearer {token}"}
        case "address":
            path = f"{PATH}?access_token={token}&stream=user"
    with opened(site.url, path, **headers) as client:
        assert client.status == 101
        assert client.headers.get("sec-websocket-protocol") == (token if way == "protocol" else None)
        client.say({"type": "subscribe", "stream": "everything"})
        assert client.hear() == {"error": "Unknown stream type", "status": 400}
        if way != "address":
            client.say({"type": "subscribe", "stream": "user"})
        client.say({"type": "subscribe", "stream": "user:notification"})
        # The answer to a stream that there is not comes after all that was asked before it.
        client.say({"type": "subscribe", "stream": "nothing"})
        assert client.hear()["status"] == 400
        own = eve.call("POST", "/tweets", json={"text": "Hello"}).json()
        frame = client.hear()
        assert (frame["stream"], frame["event"]) == (["user"], "update")
        status = json.loads(frame["payload"])
        assert (status["id"], status["url"]) == (own["id"], f"{site.url}/@{eve.name}/{own['id']}")
        assert list(faults("Status", status)) == []
        fred.call("PUT", f"/tweets/{own['id']}/like")
        told = [client.hear(), client.hear()]
        assert [each["stream"] for each in told] == [["user"], ["user:notification"]]
        assert {json.loads(each["payload"])["type"] for each in told} == {"favourite"}
        eve.call("DELETE", f"/tweets/{own['id']}")
        assert client.hear() == {"stream": ["user"], "event": "delete", "payload": own["id"]}


def test_nobody_hears_what_is_not_theirs_to_hear(site: WebSite) -> None:
    gina = site.newcomer("gina")
    for path, headers in (
        (PATH, {}),
        (PATH, {"Authorization": "Bearer x"}),
        (f"{PATH}?access_token=x", {}),
        (PATH, {"Sec_WebSocket_Protocol": "x"}),
    ):
        with opened(site.url, path, **headers) as client:
            assert client.status in (401, 403), path
    few = mastodon_of(site.url, gina, ["write:statuses"]).access_token
    with opened(site.url, PATH, Authorization=f"Bearer {few}") as client:
        for name in ("user", "user:notification", "public", "direct"):
            client.say({"type": "subscribe", "stream": name})
            assert client.hear() == {"error": "Access token does not have the required scopes", "status": 401}
    for stream in ("user", "user/notification", "public", "hashtag?tag=x"):
        assert httpx.get(f"{site.url}{PATH}/{stream}").status_code == 401
        refused = httpx.get(f"{site.url}{PATH}/{stream}", headers={"Authorization": f"Bearer {few}"})
        assert refused.status_code == 403


def test_everyones_tweets_are_heard_but_of_whom_one_keeps_away(site: WebSite) -> None:
    hank, ivy, jack, kate = (site.newcomer(name) for name in ("hank", "ivy", "jack", "kate"))
    hanks, ivys = mastodon_of(site.url, hank), mastodon_of(site.url, ivy)
    hanks.account_block(jack.id)
    hanks.account_mute(kate.id)
    ivys.status_post("Before anybody listens")
    site.settle()
    ear = Ear()
    with ThreadPoolExecutor(1) as pool:
        listening = pool.submit(hanks.stream_public, ear)
        try:
            ear.wait_open()
            for away in (jack, kate):
                away.call("POST", "/tweets", json={"text": "Unheard"})
            heard = ivys.status_post("Heard")
            assert ear.next() == ("update", "<p>Heard</p>")
            ivys.status_delete(heard)
            assert ear.next() == ("delete", int(heard["id"]))
            hanks.account_unmute(kate.id)
            kate.call("POST", "/tweets", json={"text": "Again"})
            # What she said while she was muted is news by now, if it is not long ago.
            while (said := ear.next()) != ("update", "<p>Again</p>"):
                assert said == ("update", "<p>Unheard</p>")
        finally:
            hanks.revoke_access_token(allow_http=True)
        listening.result(timeout=DEADLINE_SECONDS)


def test_a_socket_hears_tags_and_everyone_each_under_its_name(site: WebSite) -> None:
    lou, moe = site.newcomer("lou"), site.newcomer("moe")
    token = str(mastodon_of(site.url, lou).access_token)
    with opened(site.url, PATH, Authorization=f"Bearer {token}") as client:
        for wish, error in (({"stream": "hashtag"}, "Missing tag name parameter"),):
            client.say({"type": "subscribe", **wish})
            assert client.hear() == {"error": error, "status": 400}
        client.say({"type": "subscribe", "stream": "hashtag", "tag": "Hay"})
        client.say({"type": "subscribe", "stream": "public:remote"})
        # The answer to a stream that there is not comes after all that was asked before it.
        client.say({"type": "subscribe", "stream": "nothing"})
        assert client.hear()["status"] == 400
        moe.call("POST", "/tweets", json={"text": "No straw"})
        tagged = moe.call("POST", "/tweets", json={"text": "Fresh #hay"}).json()
        frame = client.hear()
        assert (frame["stream"], frame["event"]) == (["hashtag", "Hay"], "update")
        status = json.loads(frame["payload"])
        assert status["id"] == tagged["id"]
        assert list(faults("Status", status)) == []
        client.say({"type": "unsubscribe", "stream": "hashtag", "tag": "Hay"})
        client.say({"type": "subscribe", "stream": "public:local"})
        client.say({"type": "subscribe", "stream": "nothing"})
        assert client.hear()["status"] == 400
        more = moe.call("POST", "/tweets", json={"text": "More #hay"}).json()
        frame = client.hear()
        assert (frame["stream"], json.loads(frame["payload"])["id"]) == (["public:local"], more["id"])


def test_a_list_is_heard_by_whose_it_is_until_it_is_deleted(site: WebSite) -> None:
    nan, ova, pia = (site.newcomer(name) for name in ("nan", "ova", "pia"))
    nans = mastodon_of(site.url, nan)
    for other in (ova, pia):
        nans.account_follow(other.id)
    made = nans.list_create("Friends")
    nans.list_accounts_add(made, [ova.id])
    assert [one.title for one in nans.account_lists(ova.id)] == ["Friends"]
    others = str(mastodon_of(site.url, ova).access_token)
    refused = httpx.get(f"{site.url}{PATH}/list?list={made['id']}", headers={"Authorization": f"Bearer {others}"})
    assert refused.status_code == 404
    with opened(site.url, PATH, Authorization=f"Bearer {nans.access_token}") as client:
        client.say({"type": "subscribe", "stream": "list", "list": "1"})
        assert client.hear() == {"error": "Record not found", "status": 404}
        client.say({"type": "subscribe", "stream": "list", "list": str(made["id"])})
        client.say({"type": "subscribe", "stream": "nothing"})
        assert client.hear()["status"] == 400
        pia.call("POST", "/tweets", json={"text": "Unheard"})
        heard = ova.call("POST", "/tweets", json={"text": "Heard"}).json()
        frame = client.hear()
        assert (frame["stream"], frame["event"]) == (["list", str(made["id"])], "update")
        assert json.loads(frame["payload"])["id"] == heard["id"]
        ova.call("DELETE", f"/tweets/{heard['id']}")
        assert client.hear()["event"] == "delete"
        # The socket outlives the list.
        nans.list_delete(made)
        client.say({"type": "subscribe", "stream": "user"})
        client.say({"type": "subscribe", "stream": "nothing"})
        assert client.hear()["status"] == 400
        pia.call("POST", "/tweets", json={"text": "At home"})
        frame = client.hear()
        assert (frame["stream"], frame["event"]) == (["user"], "update")


def test_messages_are_heard_by_those_whom_they_are_for(site: WebSite) -> None:
    quin, rosa, sam = (site.newcomer(name) for name in ("quin", "rosa", "sam"))
    rosas, sams = (str(mastodon_of(site.url, person).access_token) for person in (rosa, sam))
    with (
        opened(site.url, PATH, Authorization=f"Bearer {rosas}") as hers,
        opened(site.url, PATH, Authorization=f"Bearer {sams}") as his,
    ):
        for client in (hers, his):
            client.say({"type": "subscribe", "stream": "direct"})
            client.say({"type": "subscribe", "stream": "nothing"})
            assert client.hear()["status"] == 400
        sent = {}
        for other, client in ((rosa, hers), (sam, his)):
            wish = {"text": f"@{other.name} at six?", "visibility": "direct"}
            sent[other.name] = quin.call("POST", "/tweets", json=wish).json()["id"]
            frame = client.hear()
            assert (frame["stream"], frame["event"]) == (["direct"], "conversation")
            conversation = json.loads(frame["payload"])
            assert list(faults("Conversation", conversation)) == []
            # The first thing that each of them hears: what is for the other is not heard.
            assert (conversation["last_status"]["id"], conversation["unread"]) == (sent[other.name], True)
            assert [account["id"] for account in conversation["accounts"]] == [quin.id]
        wish = {"text": f"@{quin.name} yes", "visibility": "direct", "reply_to": sent[rosa.name]}
        answer = rosa.call("POST", "/tweets", json=wish).json()
        conversation = json.loads(hers.hear()["payload"])
        assert (conversation["last_status"]["id"], conversation["unread"]) == (answer["id"], False)
