"""Promise: a device that subscribed is told what concerns its person, in order, and nothing that is not so any more."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidTag

from linnet.clock import ManualClock
from linnet.domain.filters import KeywordWish
from linnet.domain.push import ALERTS, Policy, PushOptions, Wishes
from linnet.domain.user import Session
from linnet.errors import Invalid, PushIsOff, SubscriptionNotFound, Unauthenticated
from linnet.ids import IdSource, Lease, SessionId, TweetId, token_hash
from linnet.read.timelines.pushes import NO_PICTURE
from linnet.stores.postgres import pushes, sessions
from linnet.stores.pushservice import PushService, Reply, Unreachable
from linnet.workers.pushes import PushSender, SenderOptions
from linnet.write.actions import filters, likes
from linnet.write.actions.follows import follow_or_ask
from linnet.write.actions.notifications import mark_read
from linnet.write.actions.profiles import edit_profile
from linnet.write.actions.pushes import Device, change, subscribe, unsubscribe
from linnet.write.actions.sessions import end_session
from linnet.write.jobs.polls import end_polls
from linnet.write.jobs.pruning import prune
from tests.support.pushing import PushServer, Sent, Subscriber, open_push_server, says
from tests.support.servers import Servers
from tests.support.world import World, open_process_beside, open_world

ALL = Wishes(frozenset(ALERTS), "all")
PRIVATE = PushOptions(allows_private=True, contact="op@example.org")


class Phone(msgspec.Struct, frozen=True):
    """A device of somebody's that is subscribed."""

    session: Session
    keys: Subscriber
    endpoint: str


class Town:
    """Ada with a phone; Ben and Cleo, who do things; a push service, and who sends to it."""

    def __init__(self, world: World, clock: ManualClock, server: PushServer) -> None:
        self.world = world
        self.clock = clock
        self.server = server
        self.services: list[PushService] = []
        self.use(PushService(clock, allows_private=True))

    def use(self, service: PushService) -> None:
        """To send by from now on."""
        self.services.append(service)
        self.sender = PushSender(self.world.write, self.world.read, service, SenderOptions())

    async def log_in(self, name: str) -> Session:
        world = self.world
        number, user_id = SessionId(world.write.ids.mint()), world.ids[name]
        session = Session(number, user_id, "a phone", self.clock.now_ms())
        await sessions.insert(world.db, session, token_hash=token_hash(str(number)))
        return session

    async def phone(
        self,
        name: str = "ada",
        wishes: Wishes = ALL,
        *,
        path: str = "/ada",
        standard: bool = True,
        token: str | None = "T",
    ) -> Phone:
        session, keys = await self.log_in(name), Subscriber()
        phone = Phone(session, keys, self.server.url + path)
        await self.subscribe(phone, wishes, standard=standard, token=token)
        return phone

    async def subscribe(
        self, phone: Phone, wishes: Wishes = ALL, *, standard: bool = True, token: str | None = "T"
    ) -> None:
        device = Device(phone.endpoint, phone.keys.p256dh, phone.keys.secret, standard)
        session = phone.session
        await subscribe(
            self.world.write, session.user_id, session.id, device, wishes, token=token, base_url="https://linnet.test"
        )

    async def send(self) -> None:
        """All that is due now."""
        while await self.sender.send_due():
            pass

    async def pass_by(self, seconds: float) -> None:
        """Time in which the sender looks now and then."""
        self.clock.advance(seconds)
        await self.send()

    def got(self, phone: Phone) -> list[dict[str, Any]]:
        path = phone.endpoint.removeprefix(self.server.url)
        return [phone.keys.read(sent) for sent in self.server.sent if sent.path == path]

    def titles(self, phone: Phone) -> list[str]:
        return [message["title"] for message in self.got(phone)]

    async def waits(self) -> int:
        """How many subscriptions are due at any time."""
        return len(await pushes.claim(self.world.db, now_ms=2**60, held_ms=2**61, page_size=100))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
def server() -> Iterator[PushServer]:
    with open_push_server() as server:
        yield server


@pytest.fixture
async def town(servers: Servers, database_url: str, clock: ManualClock, server: PushServer) -> AsyncIterator[Town]:
    async with open_world(database_url, servers.valkey_url, clock=clock) as world:
        options = msgspec.structs.replace(world.write.options, push=PRIVATE)
        # Months go by here.
        ids = IdSource(clock, Lease(0, 0, 1 << 47))
        world.write = msgspec.structs.replace(world.write, options=options, ids=ids)
        await world.person("ada", "ben", "cleo", "dan")
        made = Town(world, clock, server)
        yield made
        for service in made.services:
            await service.close()


async def test_a_phone_hears_of_everything_that_concerns_its_person(town: Town) -> None:
    world = town.world
    tweet = await world.post("ada", "My bread")
    phone = await town.phone(token="ada's own token")
    await world.follow("ben", "ada")
    await world.post("ben", "Fresh!\n\nAnd  warm.", reply_to=tweet)
    await world.post("cleo", "Have you seen what @ada baked?")
    await world.like("ben", tweet)
    await world.retweet("cleo", tweet)
    await world.settle()
    await town.send()
    got = town.got(phone)
    assert {(message["notification_type"], message["title"], message["body"]) for message in got} == {
        ("follow", "Ben followed you", ""),
        ("mention", "Ben answered you", "Fresh! And warm."),
        ("mention", "Cleo mentioned you", "Have you seen what @ada baked?"),
        ("favourite", "Ben liked your tweet", "My bread"),
        ("reblog", "Cleo retweeted your tweet", "My bread"),
    }
    ids = [int(message["notification_id"]) for message in got]
    assert ids == sorted(ids)
    assert {message["access_token"] for message in got} == {"ada's own token"}
    assert {message["preferred_locale"] for message in got} == {"en"}
    assert {message["icon"] for message in got} == {"https://linnet.test/api/v1/pictures/avatar/missing.png"}
    assert not await town.waits()


async def test_a_message_says_who_sends_it_and_how_long_it_is_of_use(town: Town) -> None:
    new, old = await town.phone(path="/new"), await town.phone(path="/old", standard=False)
    await town.world.post("ben", "Hello @ada")
    await town.world.settle()
    await town.send()
    key = await town.world.write.push_key.public()
    by_path = {sent.path: sent for sent in town.server.sent}
    for sent in by_path.values():
        assert (sent.headers["ttl"], sent.headers["urgency"]) == ("172800", "normal")
        assert len(sent.headers["topic"]) == 32
        assert "ada" not in sent.headers["topic"]
        assert sent.headers["content-type"] == "application/octet-stream"
    assert by_path["/new"].headers["authorization"].startswith("vapid t=")
    assert by_path["/new"].headers["authorization"].endswith(f",k={key}")
    assert by_path["/new"].headers["content-encoding"] == "aes128gcm"
    assert "crypto-key" not in by_path["/new"].headers
    assert by_path["/old"].headers["authorization"].startswith("WebPush ")
    assert by_path["/old"].headers["crypto-key"].endswith(f";p256ecdsa={key}")
    assert by_path["/old"].headers["content-encoding"] == "aesgcm"
    assert town.titles(new) == town.titles(old) == ["Ben mentioned you"]


async def test_what_was_before_it_subscribed_is_not_told(town: Town) -> None:
    await town.world.post("ben", "Before @ada")
    await town.world.settle()
    phone = await town.phone()
    await town.send()
    await town.world.post("ben", "After @ada")
    await town.world.settle()
    await town.send()
    assert [message["body"] for message in town.got(phone)] == ["After @ada"]


async def test_what_is_gone_or_read_before_it_is_sent_is_not_sent(town: Town) -> None:
    world = town.world
    phone = await town.phone()
    tweet = await world.post("ada", "My bread")
    await world.settle()
    deleted = await world.post("ben", "Deleted @ada")
    await world.like("ben", tweet)
    await world.follow("ben", "ada")
    await world.post("cleo", "Blocked @ada")
    await world.post("dan", "Muted @ada")
    await world.settle()
    await world.delete("ben", deleted)
    await world.unlike("ben", tweet)
    await world.unfollow("ben", "ada")
    await world.block("ada", "cleo")
    await world.mute("ada", "dan")
    await world.settle()
    await town.send()
    assert town.got(phone) == []
    await world.post("ben", "Read @ada")
    await world.settle()
    await mark_read(world.write, world.ids["ada"], up_to=None)
    await town.send()
    assert town.got(phone) == []
    await world.post("ben", "Not read @ada")
    await world.settle()
    await town.send()
    assert [message["body"] for message in town.got(phone)] == ["Not read @ada"]


async def test_a_tweet_that_goes_after_the_look_and_before_its_turn_is_not_sent(town: Town) -> None:
    world, phone = town.world, await town.phone()
    await world.post("ben", "First @ada")
    second = await world.post("ben", "Second @ada")
    await world.settle()

    class WhileSending(PushService):
        async def post(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
            reply = await super().post(endpoint, headers, body)
            await world.delete("ben", second)
            await world.settle()
            return reply

    town.use(WhileSending(town.clock, allows_private=True))
    await town.send()
    assert [message["body"] for message in town.got(phone)] == ["First @ada"]


async def test_what_is_only_for_some_goes_only_to_them(town: Town) -> None:
    world = town.world
    adas, cleos = await town.phone(), await town.phone("cleo", path="/cleo")
    await world.follow("ada", "ben")
    await world.settle()
    await town.send()
    await world.post("ben", "A secret for @ada", visibility="private")
    await world.settle()
    await town.send()
    assert [message["body"] for message in town.got(adas)] == ["A secret for @ada"]
    assert town.got(cleos) == []
    for sent in town.server.sent:
        with pytest.raises(InvalidTag):
            cleos.keys.read(sent)
        assert b"secret" not in sent.body


async def test_the_end_of_a_poll_and_an_edit_are_told_to_whom_they_concern(town: Town) -> None:
    world, clock = town.world, town.clock
    # Of a poll of one's own one is told whoever else may tell one something.
    asked = await town.phone("ben", Wishes(frozenset(ALERTS), "followed"), path="/ben")
    voted, retweeted = await town.phone(), await town.phone("cleo", path="/cleo")
    poll = await world.ask("ben", "rye", "wheat", text="Which?", seconds=300)
    tweet = await world.post("dan", "Buns")
    await world.vote("ada", poll, 0)
    await world.retweet("cleo", tweet)
    await world.settle()
    await town.send()
    clock.advance(301)
    await end_polls.run(world.write, {})
    for text in ("Buns.", "Buns!"):
        await world.edit("dan", tweet, text)
        await world.settle()
    await town.send()
    for phone in (asked, voted):
        [told] = town.got(phone)
        assert (told["notification_type"], told["title"], told["body"]) == ("poll", "A poll has ended", "Which?")
    [told] = town.got(retweeted)
    assert (told["notification_type"], told["body"]) == ("update", "Buns!")
    assert told["title"] == "Dan edited a tweet that you retweeted"


async def test_filters_hold_for_devices_too(town: Town) -> None:
    world, phone = town.world, await town.phone()
    for word, action in (("cats", "warn"), ("dogs", "hide")):
        await filters.create_filter(
            world.write,
            world.ids["ada"],
            title=f"No {word}",
            contexts=frozenset({"notifications"}),  # type: ignore[arg-type]  # a set of literals, written out
            action=action,  # type: ignore[arg-type]  # one of the two
            expires_in_seconds=None,
            keywords=[KeywordWish(word, whole_word=False)],
        )
    for word in ("cats", "dogs", "birds"):
        await world.post("ben", f"Look, @ada: {word}")
    await world.settle()
    world.forget()
    await town.send()
    assert [message["body"] for message in town.got(phone)] == ["Filtered: No cats", "Look, @ada: birds"]


@pytest.mark.parametrize(
    ("policy", "told"),
    [("all", {"Ben", "Cleo", "Dan"}), ("followed", {"Ben"}), ("follower", {"Cleo"}), ("none", set())],
)
async def test_people_say_by_whom_they_want_to_be_told(town: Town, policy: Policy, told: set[str]) -> None:
    world = town.world
    await world.follow("ada", "ben")
    await world.follow("cleo", "ada")
    await world.settle()
    phone = await town.phone(wishes=Wishes(frozenset(ALERTS), policy))
    for name in ("ben", "cleo", "dan"):
        await world.post(name, "Hello @ada")
    await world.settle()
    await town.send()
    assert {title.partition(" ")[0] for title in town.titles(phone)} == told
    assert not await town.waits()


async def test_people_say_of_what_they_want_to_be_told(town: Town) -> None:
    world = town.world
    tweet = await world.post("ada", "My bread")
    phone = await town.phone(wishes=Wishes(frozenset({"favourite", "poll"}), "all"))
    await world.post("ben", "Hello @ada")
    await world.like("ben", tweet)
    await world.settle()
    await town.send()
    assert town.titles(phone) == ["Ben liked your tweet"]
    ada = phone.session.user_id
    await change(world.write, ada, phone.session.id, alerts=frozenset({"mention"}), policy=None)
    await world.post("cleo", "Hello @ada")
    await world.settle()
    await town.pass_by(60)
    assert town.titles(phone)[1:] == ["Cleo mentioned you"], "and not what came when it was not wanted"


async def test_a_burst_of_likes_is_a_message_now_and_then(town: Town) -> None:
    world = town.world
    names = [f"fan{number}" for number in range(30)]
    await world.person(*names)
    tweet = await world.post("ada", "My bread")
    await world.settle()
    phone = await town.phone()
    for name in names[:3]:
        await world.like(name, tweet)
        await world.settle()
    await town.send()
    assert town.titles(phone) == ["Fan2 and 2 others liked your tweet"]
    for name in names[3:]:
        await world.like(name, tweet)
        await world.settle()
        await town.pass_by(1)
    assert len(town.titles(phone)) == 1
    await town.pass_by(60)
    assert town.titles(phone)[1:] == ["Fan29 and 26 others liked your tweet"]
    first, second = (sent.headers for sent in town.server.sent)
    assert first["topic"] == second["topic"], "a phone that was off is told the later one alone"
    assert first["urgency"] == "low"
    # What somebody says to one does not wait for that.
    await world.like("ben", tweet)
    await world.post("cleo", "Hello @ada")
    await world.settle()
    await town.send()
    assert set(town.titles(phone)[2:]) == {"Ben liked your tweet", "Cleo mentioned you"}


async def test_a_flood_of_mentions_comes_ten_at_a_time_and_in_order(town: Town) -> None:
    phone = await town.phone()
    for number in range(25):
        await town.world.post("ben", f"{number} @ada")
    await town.world.settle()
    await town.send()
    assert len(town.got(phone)) == 10
    await town.pass_by(9)
    assert len(town.got(phone)) == 10
    for _ in range(3):
        await town.pass_by(10)
    assert [int(message["body"].split()[0]) for message in town.got(phone)] == list(range(25))


async def test_what_waits_for_too_long_is_not_told_any_more(town: Town) -> None:
    phone = await town.phone()
    await town.world.post("ben", "Old @ada")
    await town.world.settle()
    town.clock.advance(49 * 3600)
    await town.world.post("ben", "New @ada")
    await town.world.settle()
    await town.send()
    assert [message["body"] for message in town.got(phone)] == ["New @ada"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413])
async def test_a_service_that_does_not_know_a_device_ends_its_subscription(town: Town, status: int) -> None:
    phone, other = await town.phone(), await town.phone(path="/other")
    town.server.answers.append(says(status))
    await town.world.post("ben", "Hello @ada")
    await town.world.settle()
    await town.send()
    left = [
        one
        for one in (phone, other)
        if await pushes.find(town.world.db, one.session.user_id, one.session.id) is not None
    ]
    assert len(left) == 1, "the other one hears on"
    before = len(town.server.sent)
    await town.world.post("ben", "Again @ada")
    await town.world.settle()
    await town.send()
    assert len(town.server.sent) == before + 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 302])
async def test_a_service_that_cannot_now_is_asked_again_and_nothing_is_lost(town: Town, status: int) -> None:
    phone = await town.phone()
    town.server.answers += [says(201), says(status), says(status)]
    for number in range(3):
        await town.world.post("ben", f"{number} @ada")
    await town.world.settle()
    await town.send()
    assert len(town.server.sent) == 2
    # What comes meanwhile makes nobody ask earlier.
    await town.world.post("ben", "3 @ada")
    await town.world.settle()
    await town.pass_by(29)
    assert len(town.server.sent) == 2
    await town.pass_by(1)
    assert len(town.server.sent) == 3
    await town.pass_by(59)
    assert len(town.server.sent) == 3
    await town.pass_by(1)
    bodies = [message["body"][0] for message in town.got(phone)]
    assert bodies == ["0", "1", "1", "1", "2", "3"]


async def test_a_service_says_itself_when_to_come_again(town: Town) -> None:
    phone = await town.phone()
    town.server.answers.append(says(429, retry_after="7200"))
    await town.world.post("ben", "Hello @ada")
    await town.world.settle()
    await town.send()
    await town.pass_by(7199)
    assert len(town.server.sent) == 1
    await town.pass_by(1)
    assert len(town.got(phone)) == 2


async def test_a_service_that_is_gone_for_days_is_given_up(town: Town) -> None:
    phone = await town.phone()
    town.server.answers += [says(503)] * 1000
    await town.world.post("ben", "Hello @ada")
    await town.world.settle()
    hours = 0
    while await pushes.find(town.world.db, phone.session.user_id, phone.session.id) is not None:
        assert hours < 24 * 7
        await town.pass_by(3600)
        if hours % 24 == 0:
            # Each message has its time; the subscription has more.
            await town.world.post("ben", "Hello @ada")
            await town.world.settle()
        hours += 1
    assert 72 <= hours <= 75
    assert len(town.server.sent) < 90


async def test_a_subscription_ends_with_its_log_in_and_with_the_account(town: Town) -> None:
    world = town.world
    stays, goes = await town.phone(path="/stays"), await town.phone(path="/goes")
    await world.post("ben", "Hello @ada")
    await world.settle()
    await end_session(world.write, goes.session.user_id, goes.session.id)
    assert await pushes.find(world.db, goes.session.user_id, goes.session.id) is None
    await world.settle()
    await town.send()
    assert (len(town.got(stays)), len(town.got(goes))) == (1, 0)
    with pytest.raises(Unauthenticated):
        await town.subscribe(goes)


async def test_a_log_in_that_nobody_used_for_long_is_told_nothing(town: Town) -> None:
    phone = await town.phone()
    town.clock.advance(91 * 86_400)
    await town.world.post("ben", "Hello @ada")
    await town.world.settle()
    await town.send()
    assert town.got(phone) == []
    assert await pushes.find(town.world.db, phone.session.user_id, phone.session.id) is None
    other = await town.phone("cleo")
    town.clock.advance(91 * 86_400)
    await prune.run(town.world.write, {})
    assert await pushes.find(town.world.db, other.session.user_id, other.session.id) is None


async def test_whoever_subscribes_anew_has_one_subscription(town: Town) -> None:
    phone = await town.phone()
    moved = Phone(phone.session, Subscriber(), town.server.url + "/moved")
    await town.subscribe(moved, standard=False)
    await town.world.post("ben", "Hello @ada")
    await town.world.settle()
    await town.send()
    assert (town.got(phone), len(town.got(moved))) == ([], 1)
    await unsubscribe(town.world.write, phone.session.user_id, phone.session.id)
    await unsubscribe(town.world.write, phone.session.user_id, phone.session.id)
    with pytest.raises(SubscriptionNotFound):
        await change(town.world.write, phone.session.user_id, phone.session.id, alerts=None, policy="none")


async def test_the_token_is_kept_hidden_and_our_own_pages_have_none(town: Town) -> None:
    phone = await town.phone(token="a token that opens doors")
    web = Phone(await town.log_in("ada"), Subscriber(), town.server.url + "/web")
    await town.subscribe(web, token=None)
    for claim in await pushes.claim(town.world.db, now_ms=2**60, held_ms=2**61, page_size=10):
        assert claim.token is None or b"opens" not in claim.token
    await town.subscribe(phone, token="a token that opens doors")
    await town.subscribe(web, token=None)
    await town.world.post("ben", "Hello @ada")
    await town.world.settle()
    await town.send()
    assert town.got(phone)[0]["access_token"] == "a token that opens doors"
    assert "access_token" not in town.got(web)[0]


async def test_where_it_is_switched_off_nobody_subscribes_and_nothing_is_noted(town: Town) -> None:
    world, phone = town.world, await town.phone()
    off = msgspec.structs.replace(world.write.options, push=PushOptions(enabled=False))
    world.write = msgspec.structs.replace(world.write, options=off)
    with pytest.raises(PushIsOff):
        await town.subscribe(phone)
    await world.post("ben", "Hello @ada")
    await world.settle()
    assert not await town.waits()


async def test_on_the_internet_nobody_subscribes_to_what_is_near(town: Town) -> None:
    world, phone = town.world, await town.phone()
    far = msgspec.structs.replace(world.write.options, push=PushOptions())
    world.write = msgspec.structs.replace(world.write, options=far)
    with pytest.raises(Invalid):
        await town.subscribe(phone)


async def test_a_subscription_from_before_the_place_was_public_is_asked_nothing_near(town: Town) -> None:
    """Also what a name led to when it was looked at: what it leads to now counts."""
    phone = await town.phone()
    await town.world.post("ben", "Hello @ada")
    await town.world.settle()
    careful = PushService(town.clock, allows_private=False)
    town.use(careful)
    await town.send()
    assert (town.server.connections, town.got(phone)) == (0, [])


async def test_all_processes_have_one_key_and_it_is_made_once(town: Town, servers: Servers) -> None:
    async with open_process_beside(town.world, servers.valkey_url, clock=town.clock) as beside:
        keys = await asyncio.gather(*(each.write.push_key.public() for each in (town.world, beside)))
    assert len(set(keys)) == 1


class Recorder(PushService):
    """A service that takes everything at once, so that each step of a sender can be gone through."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock, allows_private=True)
        self.sent: list[Sent] = []

    async def post(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        self.sent.append(Sent(endpoint, {name.lower(): value for name, value in headers.items()}, body))
        return Reply(201)


async def test_a_sender_that_is_killed_anywhere_loses_nothing_and_keeps_the_order(town: Town) -> None:
    world, phone = town.world, await town.phone()
    doubles = 0
    for steps in range(60):
        recorder = Recorder(town.clock)
        for number in range(3):
            await world.post("ben", f"{number} @ada")
        await world.settle()
        sender = PushSender(world.write, world.read, recorder, SenderOptions())
        strand = await world.loom.start("sender", sender.send_due())
        await world.loom.run(strand, steps=steps)
        was_done = strand.done
        await world.loom.kill(strand) if not was_done else None
        world.loom.strands = []
        town.clock.advance(120)
        again = PushSender(world.write, world.read, recorder, SenderOptions())
        while await again.send_due():
            pass
        messages = [phone.keys.read(sent) for sent in recorder.sent]
        numbers = [int(message["body"].split()[0]) for message in messages]
        assert sorted(set(numbers)) == [0, 1, 2], f"killed after {steps} steps: {numbers}"
        assert numbers == sorted(numbers), f"killed after {steps} steps: {numbers}"
        assert len(numbers) <= 4, f"only the one in hand comes again: {numbers}"
        if len(numbers) == 4:
            doubles += 1
            said = {
                (m["notification_id"], sent.headers["topic"]) for m, sent in zip(messages, recorder.sent, strict=True)
            }
            assert len(said) == 3, "it is known as the same one"
        if was_done:
            break
    else:
        raise AssertionError("it never came to its end")
    assert doubles, "some kill was between a message and its note"


async def test_a_sender_that_stood_still_for_too_long_spoils_nothing_for_who_took_over(town: Town) -> None:
    world, phone = town.world, await town.phone()
    for steps in range(1, 30):
        recorder = Recorder(town.clock)
        await world.post("ben", f"{steps} @ada")
        await world.settle()
        slow, quick = (PushSender(world.write, world.read, recorder, SenderOptions()) for _ in range(2))
        stands = await world.loom.start("slow", slow.send_due())
        await world.loom.run(stands, steps=steps)
        was_done = stands.done
        town.clock.advance(121)
        takes_over = await world.loom.start("quick", quick.send_due())
        await world.loom.run(takes_over, steps=2)
        await world.loom.run(stands, steps=1000)
        await world.loom.finish()
        while await quick.send_due():
            pass
        assert await pushes.find(world.db, phone.session.user_id, phone.session.id) is not None, f"after {steps} steps"
        told = [phone.keys.read(sent)["body"] for sent in recorder.sent]
        assert set(told) == {f"{steps} @ada"}, f"after {steps} steps"
        assert len(told) <= 2, f"after {steps} steps"
        if was_done:
            break
    else:
        raise AssertionError("it never came to its end")


async def test_several_senders_share_what_is_due_and_none_is_told_twice(town: Town, servers: Servers) -> None:
    world = town.world
    phones = [await town.phone(path=f"/{number}") for number in range(6)]
    await world.post("ben", "Hello @ada")
    await world.settle()
    recorders = [Recorder(town.clock), Recorder(town.clock)]
    senders = [PushSender(world.write, world.read, each, SenderOptions(at_once=4)) for each in recorders]
    strands = [await world.loom.start(f"sender {n}", one.send_due()) for n, one in enumerate(senders)]
    await world.loom.finish()
    assert all(strand.done for strand in strands)
    for sender in senders:
        while await sender.send_due():
            pass
    sent = [each.path for recorder in recorders for each in recorder.sent]
    assert sorted(sent) == sorted(phone.endpoint for phone in phones)


async def test_what_comes_while_a_round_runs_is_sent_in_the_next_one(town: Town) -> None:
    world, phone = town.world, await town.phone()

    class Busy(PushService):
        first = True

        async def post(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
            if self.first:
                Busy.first = False
                await world.post("cleo", "Meanwhile @ada")
                await world.settle()
                assert not await town.sender.send_due(), "it is in hand"
            return await super().post(endpoint, headers, body)

    busy = Busy(town.clock, allows_private=True)
    town.use(busy)
    await world.post("ben", "First @ada")
    await world.settle()
    await town.send()
    assert [message["body"] for message in town.got(phone)] == ["First @ada", "Meanwhile @ada"]


async def test_a_subscription_made_anew_during_a_round_is_left_alone(town: Town) -> None:
    world, phone = town.world, await town.phone()

    class Gone(PushService):
        async def post(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
            town.clock.advance(1)
            await town.subscribe(phone)
            return Reply(410)

    town.use(Gone(town.clock, allows_private=True))
    await world.post("ben", "First @ada")
    await world.settle()
    await town.send()
    assert await pushes.find(world.db, phone.session.user_id, phone.session.id) is not None


async def test_one_device_that_cannot_be_reached_holds_no_other_up(town: Town) -> None:
    world = town.world
    lost, found = await town.phone(path="/lost"), await town.phone(path="/found")

    class Partly(PushService):
        async def post(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
            if endpoint.endswith("/lost"):
                raise Unreachable("TimeoutError")
            return await super().post(endpoint, headers, body)

    partly = Partly(town.clock, allows_private=True)
    town.use(partly)
    for _ in range(3):
        await world.post("ben", "Hello @ada")
        await world.settle()
        await town.pass_by(1)
    assert (len(town.got(found)), len(town.got(lost))) == (3, 0)


async def test_a_browsers_log_in_is_sent_what_it_shows_and_where_it_leads_and_no_token(town: Town) -> None:
    world, browser = town.world, await town.phone(token=None)
    tweet = await world.post("ada", "My bread")
    answer = await world.post("ben", "Fresh!", reply_to=tweet)
    await world.like("cleo", tweet)
    await world.follow("ben", "ada")
    await world.settle()
    await town.send()
    got = town.got(browser)
    assert all(set(message) == {"title", "body", "icon", "url", "tag"} for message in got)
    assert {(message["title"], message["body"], message["url"]) for message in got} == {
        ("Ben answered you", "Fresh!", f"/@ben/{answer}"),
        ("Cleo liked your tweet", "My bread", f"/@ada/{tweet}"),
        ("Ben followed you", "", "/@ben"),
    }
    assert {message["icon"] for message in got} == {NO_PICTURE}
    assert [message["tag"] for message in got] == [sent.headers["topic"] for sent in town.server.sent]
    # One that says the same anew is shown in the place of the first.
    await town.pass_by(61)
    await world.like("dan", tweet)
    await world.settle()
    await town.send()
    again = town.got(browser)[-1]
    assert again["title"] == "Dan liked your tweet"
    assert again["tag"] in {message["tag"] for message in got}


async def test_who_asks_to_follow_leads_to_who_asks(town: Town) -> None:
    world, browser = town.world, await town.phone(token=None)
    await edit_profile(world.write, world.ids["ada"], {"locked": True})
    await follow_or_ask(world.write, world.ids["ben"], world.ids["ada"])
    await world.settle()
    await town.send()
    [message] = town.got(browser)
    assert (message["title"], message["url"]) == ("Ben asks to follow you", "/follow-requests")


async def test_a_like_that_comes_back_within_the_calm_is_told_once(town: Town) -> None:
    world, phone = town.world, await town.phone()
    tweet: TweetId = await world.post("ada", "My bread")
    await world.settle()
    for _ in range(5):
        await likes.like(world.write, world.ids["ben"], tweet)
        await world.settle()
        await town.pass_by(1)
        await likes.unlike(world.write, world.ids["ben"], tweet)
        await world.settle()
        await town.pass_by(1)
    await town.pass_by(60)
    assert town.titles(phone) == ["Ben liked your tweet"]
