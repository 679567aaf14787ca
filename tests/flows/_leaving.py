"""Zoe: somebody whose life leaves traces everywhere, and who leaves; and a look for traces in both stores."""

import base64

import msgspec
from structlog.testing import capture_logs

from linnet.domain.documents import answered_mark
from linnet.domain.limits import LOG_IN_FAILURE, login_subject
from linnet.domain.push import Wishes
from linnet.domain.timeline import Range
from linnet.domain.user import Session
from linnet.ids import SessionId, TweetId, UserId, token_hash
from linnet.read.timelines.people import followers_page, following_page, profile_screen
from linnet.read.timelines.thread import thread_screen
from linnet.stores.postgres import outbox
from linnet.stores.postgres.queries import Query
from linnet.stores.valkey import sessions as cached_sessions
from linnet.stores.valkey.keys import pack_id
from linnet.stores.valkey.limits import LimitOptions, Limits
from linnet.write.actions import attachments, bookmarks, filters, likes, lists
from linnet.write.actions.accounts import SignUp, sign_up
from linnet.write.actions.apps import NewApp, register_app
from linnet.write.actions.attachments import Sent
from linnet.write.actions.endorsements import endorse
from linnet.write.actions.erasure import delete_account
from linnet.write.actions.featured import feature_tag
from linnet.write.actions.grants import AccessRequest, grant, redeem
from linnet.write.actions.passwords import PasswordOptions, Passwords
from linnet.write.actions.preferences import put_preferences
from linnet.write.actions.profiles import edit_profile
from linnet.write.actions.pushes import Device, subscribe
from linnet.write.actions.remarks import put_remark
from linnet.write.actions.reports import ReportWish, report
from linnet.write.actions.scheduled import schedule_tweet
from linnet.write.actions.sessions import LoggedIn
from linnet.write.actions.suggestions import dismiss_suggestion
from linnet.write.actions.tweets import post_tweet
from linnet.write.jobs.erasure import erase_account, erase_last_traces
from linnet.write.jobs.job import Job, NotYet
from tests.support import drawn
from tests.support.dumps import dump_postgres, dump_valkey
from tests.support.pushing import Subscriber
from tests.support.world import World

PASSWORD = "a feather for a pen"
USERNAME, NAME, EMAIL, PHONE = "zoe", "Zoe Quicksilver", "zoe@hideaway.example", "+48601234567"
BIO, PLACE = "collects thimbles", "Nowhereville"
OTHERS = ("ada", "ben", "cleo", "dan", "eve")


class Life(msgspec.Struct):
    """What is to be looked for later. ``kept`` are tweets of others that stay, ``gone`` hers, ``poll`` among them."""

    zoe: UserId
    token: str
    session_id: SessionId
    texts: list[str]
    kept: dict[str, TweetId]
    gone: list[TweetId]
    poll: TweetId


async def _have_a_phone_told(world: World, logged_in: LoggedIn) -> list[str]:
    """What the row of it says."""
    keys, endpoint = Subscriber(), "https://push.example.org/thimble"
    device = Device(endpoint, keys.p256dh, keys.secret, standard=True)
    wishes, base_url = Wishes(frozenset({"mention"}), "all"), "https://linnet.example"
    who = (logged_in.user_id, logged_in.session_id)
    await subscribe(world.write, *who, device, wishes, token=logged_in.token, base_url=base_url)
    return [endpoint, keys.public.hex(), keys.auth.hex()]


async def _let_an_app_in(world: World, logged_in: LoggedIn) -> None:
    """By a code that became a session, and by one that was never redeemed."""
    write = world.write
    registered = await register_app(write, NewApp("Thimble", ["urn:ietf:wg:oauth:2.0:oob"]))
    wish = AccessRequest("code", "urn:ietf:wg:oauth:2.0:oob", "read")
    code = await grant(write, logged_in.user_id, logged_in.session_id, registered.app, wish)
    await redeem(write, registered.app, code=code, redirect_uri=wish.redirect_uri, verifier="")
    await grant(write, logged_in.user_id, logged_in.session_id, registered.app, wish)


async def _post_picture(world: World, zoe: UserId) -> tuple[TweetId, list[str]]:
    """One picture in a tweet and one in none; the tweet, and what both are known by."""
    said = ["a thimble in the sun", "not for those who fear thimbles"]
    file = drawn.encoded(drawn.quarters(30, 20), "PNG")
    shown, other = [await attachments.keep(world.write, zoe, Sent(file, said[0])) for _ in range(2)]
    tweet = await post_tweet(
        world.write, zoe, text="", reply_to=None, idempotency_key=None, attached=[shown.id], warning=said[1]
    )
    return tweet.id, [*said, shown.name, other.name]


async def live(world: World) -> Life:
    """People read, write, follow and block each other around Zoe; then everything has reached everybody."""
    await world.person(*OTHERS)
    passwords = Passwords(PasswordOptions(memory_kib=8, passes=1))
    logged_in = await sign_up(
        world.write,
        passwords,
        SignUp(username=USERNAME, name=NAME, email=EMAIL, password=PASSWORD, device="Zoe's telephone"),
    )
    passwords.close()
    zoe = world.ids["zoe"] = logged_in.user_id
    fields = [{"name": "Collection", "value": "thimbles.example"}]
    await edit_profile(world.write, zoe, {"bio": BIO, "location": PLACE, "phone": PHONE, "fields": fields})
    await put_preferences(world.write, zoe, language="pl", visibility="unlisted")
    session = Session(logged_in.session_id, zoe, "", world.write.clock.now_ms())
    await cached_sessions.put(world.write.valkey, world.write.keys, token_hash(logged_in.token), session)
    await _let_an_app_in(world, logged_in)
    await _count_under_limits(world, zoe)
    # With three followers she is a top user; Dan goes again, which leaves a note.
    await world.follow("ada", "zoe", "ben")
    await world.follow("ben", "zoe", "ada")
    await world.follow("cleo", "zoe", "ada", "ben")
    await world.follow("dan", "zoe", "ada")
    await world.follow("eve", "ada", "ben")
    await world.follow("zoe", "ada", "ben", "eve")
    await world.settle()
    await world.unfollow("dan", "zoe")
    texts = [
        "thimble number one #thimbles",
        "to @ada with love https://thimbles.example",
        "answering myself",
        "aha, Ada",
    ]
    first = await world.post("zoe", texts[0])
    second = (await post_tweet(world.write, zoe, text=texts[1], reply_to=None, idempotency_key="thimble-key")).id
    own_reply = await world.post("zoe", texts[2], reply_to=first)
    pictured, told = await _post_picture(world, zoe)
    texts += told
    adas = await world.post("ada", "good morning #thimbles")
    reply = await world.post("zoe", texts[3], reply_to=adas)
    answer = await world.post("ada", "what a thimble #thimbles", reply_to=first)
    answer_to_answer = await world.post("ben", "indeed", reply_to=answer)
    mention = await world.post("ben", "ask @zoe or @ada about #thimbles")
    pullers = await world.post("cleo", "so nice", reply_to=second)
    await world.retweet("ben", first)
    await world.retweet("eve", second)
    zoes_retweet = await world.retweet("zoe", adas)
    await likes.like(world.write, zoe, adas)
    await likes.like(world.write, zoe, mention)
    await likes.like(world.write, world.ids["ada"], first)
    await likes.like(world.write, world.ids["dan"], first)
    await _edit_some(world, own_reply, mention, adas)
    texts += ["answering myself with a thimble", "which thimble?", "the steel one", "the brass one"]
    poll = await world.ask("zoe", *texts[-2:], text=texts[-3])
    adas_poll, bens_poll = await world.ask("ada", text="and now?"), await world.ask("ben", multiple=True)
    for name in ("ada", "dan"):
        await world.vote(name, poll, 0)
    await world.vote("zoe", adas_poll, 1)
    await world.vote("cleo", adas_poll, 1)
    await bookmarks.bookmark(world.write, zoe, adas)
    await put_remark(world.write, zoe, world.ids["ben"], "likes thimbles")
    await put_remark(world.write, world.ids["ben"], zoe, "collects thimbles")
    await bookmarks.bookmark(world.write, world.ids["ben"], second)
    await report(world.write, zoe, ReportWish(world.ids["ben"], [mention], comment="mentions thimbles"))
    await report(world.write, world.ids["ben"], ReportWish(zoe, [first], comment="posts thimbles"))
    await feature_tag(world.write, zoe, "thimbles")
    waits, due_ms = "thimbles to come", world.write.clock.now_ms() + 86_400_000
    held = await attachments.keep(world.write, zoe, Sent(drawn.encoded(drawn.quarters(8, 6), "PNG"), waits))
    await schedule_tweet(world.write, zoe, due_ms=due_ms, text=waits, reply_to=first, attached=[held.id])
    texts += [waits, held.name]
    texts += await _have_a_phone_told(world, logged_in)
    for one, other in (("zoe", "ada"), ("ben", "zoe")):
        await endorse(world.write, world.ids[one], world.ids[other])
        await dismiss_suggestion(world.write, world.ids[one], world.ids["cleo" if one == "zoe" else other])
    await world.follow_tag("zoe", "thimbles", "teacups")
    await world.follow_tag("ada", "thimbles")
    for owner, tweet in ((zoe, adas), (world.ids["ben"], second)):
        made_filter = await filters.create_filter(world.write, owner, title="Thimbles", contexts=("home",))
        await filters.name_tweet(world.write, owner, made_filter.id, tweet)
    for owner, member in ((zoe, world.ids["ada"]), (world.ids["ben"], zoe), (world.ids["ada"], world.ids["ada"])):
        made = await lists.create_list(world.write, owner, title="Thimbles and more", exclusive=True)
        await lists.add_members(world.write, owner, made.id, [member])
    await world.settle()
    await look_around(world, [first, adas, answer])
    await world.mute("zoe", "cleo")
    await world.mute("ben", "zoe")
    await world.block("zoe", "dan")
    await world.block("eve", "zoe")
    await _ask_around(world)
    await world.settle()
    await _park_something(world)
    for name in world.ids:
        await world.home_ids(name)
    kept = {"adas": adas, "answer": answer, "answer_to_answer": answer_to_answer, "mention": mention, "reply": pullers}
    kept |= {"adas_poll": adas_poll, "bens_poll": bens_poll}
    gone = [first, second, own_reply, reply, zoes_retweet, pictured, poll]
    return Life(zoe, logged_in.token, logged_in.session_id, texts, kept, gone, poll)


async def _edit_some(world: World, hers: TweetId, mention: TweetId, retweeted: TweetId) -> None:
    """Hers has versions, one that names her has one that does, and she is told of one that she retweeted."""
    await world.edit("zoe", hers, "answering myself with a thimble")
    await world.edit("ben", mention, "@zoe, that is, or @ada, about #thimbles")
    await world.edit("ben", mention, "ask @zoe or @ada about #thimbles")
    await world.edit("ada", retweeted, "good morning, @zoe #thimbles")
    await world.edit("ada", retweeted, "good morning #thimbles")


async def _ask_around(world: World) -> None:
    """She waits for somebody, and somebody for her; somebody else for others."""
    await world.person("gil", "hal")
    for name in ("zoe", "gil"):
        await world.lock(name)
    await world.follow("zoe", "gil")
    await world.follow("hal", "gil", "zoe")


async def look_around(world: World, tweet_ids: list[TweetId]) -> None:
    """Everybody reads, so that windows and caches are full."""
    for name in world.ids:
        await world.home_ids(name)
        for tweet_id in tweet_ids:
            await thread_screen(world.read, world.ids[name], tweet_id, Range(15))
        await profile_screen(world.read, world.ids[name], world.ids["zoe"])
        for page in (followers_page, following_page):
            await page(world.read, world.ids[name], world.ids["ada"], Range(15))


async def leave(world: World) -> None:
    passwords = Passwords(PasswordOptions(memory_kib=8, passes=1))
    try:
        await delete_account(world.write, passwords, world.ids["zoe"], password=PASSWORD)
    finally:
        passwords.close()
    world.forget()


async def run_job(world: World, kind: Job[...]) -> None:
    """Runs one that waits in the queue as a worker would, with events applied whenever it waits for these."""
    while True:
        try:
            await kind.run(world.write, await arguments_of(world, kind))
        except NotYet:
            await settle_all(world)
        else:
            return


async def arguments_of(world: World, kind: Job[...]) -> dict[str, int]:
    """Those of the job that was queued first."""
    found = await world.db.value(_ARGUMENTS, name=kind.name)
    assert found is not None, f"no {kind.name} is queued"
    arguments: dict[str, int] = msgspec.json.decode(found)
    return arguments


async def settle_all(world: World) -> None:
    """Applies what can be applied, and parks what cannot."""
    # That some cannot be applied is told with all that is known of it, which takes a second to write.
    with capture_logs():
        while await world.db.value(_WAITING):
            await world.db.run(_DUE)
            await world.worker.drain()
    world.forget()


async def erase(world: World) -> None:
    """Both jobs, as they follow each other."""
    await run_job(world, erase_account)
    await settle_all(world)
    await run_job(world, erase_last_traces)


def needles(life: Life) -> dict[str, bytes]:
    """What must not be found anywhere."""
    found = {
        "id": str(life.zoe).encode(),
        "packed id": pack_id(life.zoe),
        "packed id in hex": pack_id(life.zoe).hex().encode(),
        "name": b"Quicksilver",
        "e-mail": EMAIL.encode(),
        "phone": PHONE.encode(),
        "bio": BIO.encode(),
        "place": PLACE.encode(),
        "device": b"telephone",
        "token": token_hash(life.token),
        "token in hex": token_hash(life.token).hex().encode(),
        "mark of answers": answered_mark(life.zoe).encode(),
        "session": str(life.session_id).encode(),
        "key": b"thimble-key",
        "login": login_subject(USERNAME),
        "login by e-mail": login_subject(EMAIL),
    }
    found |= {f"text {text!r}": text.encode() for text in life.texts}
    return found | {f"{what} in base64, {at} bytes in": _in_base64(found[what], at) for what in IDS for at in range(3)}


IDS = ("id", "packed id", "session")


def _in_base64(needle: bytes, at: int) -> bytes:
    """What there is of it in the base64 of anything, so many bytes after a multiple of three."""
    encoded = base64.urlsafe_b64encode(bytes(at) + needle)
    return encoded[(at * 8 + 5) // 6 : (at + len(needle)) * 8 // 6]


async def traces(world: World, life: Life) -> list[str]:
    """Where something of Zoe is found, but for the reserved username."""
    wanted = needles(life)
    found = []
    dumped = list(dump_postgres(world.db.options.url))
    dumped += [item async for item in dump_valkey(world.write.valkey, world.write.keys.prefix)]
    assert len(dumped) > 50, "there is a town around her"
    for where, raw in dumped:
        found += [f"{what} in {where}: {raw[:200]!r}" for what, needle in wanted.items() if needle in raw]
    return found


async def _count_under_limits(world: World, zoe: UserId) -> None:
    limits = Limits(world.write.valkey, world.write.keys, world.write.clock, LimitOptions())
    for login in (USERNAME, EMAIL):
        await limits.note_place(login_subject(login), b"198.51.100.7")
    plan = limits.plan_of((LOG_IN_FAILURE,))
    assert plan is not None
    for subject in (login_subject(USERNAME), pack_id(zoe)):
        await limits.begin(plan, subject).settle()


async def _park_something(world: World) -> None:
    """Two events that nobody understands: one of hers, and one of somebody else's that names her."""
    await world.post("zoe", "nobody ever hears of this")
    await world.post("dan", "who is @zoe anyway")
    for name in ("zoe", "dan"):
        await world.db.run(_SPOIL, actor_id=world.ids[name])
    await settle_all(world)


async def mend(world: World) -> None:
    """Somebody finds out why events were parked, and replays them."""
    await world.db.run(_MEND)
    for event in await outbox.fetch_parked(world.db, page_size=10):
        async with world.db.transaction() as session:
            await outbox.replay(session, actor_id=event.actor_id, event_id=event.id)
    await world.settle()


_ARGUMENTS = Query(
    "test.arguments",
    (),
    "value",
    "select args::text from linnet_jobs.procrastinate_jobs where task_name = %(name)s order by id limit 1",
)
_WAITING = Query("test.waiting", (), "value", "select count(*) from outbox")
_DUE = Query("test.due", (), "none", "update outbox set retry_at = now() where retry_at is not null")
_MEND = Query("test.mend", (), "none", "update parked_events set kind = 'tweet_posted'")
_SPOIL = Query("test.spoil", (), "none", "update outbox set kind = 'tweet_eaten' where actor_id = %(actor_id)s")
