"""Promise: what somebody wrote is found by its words, in any script, once it is applied and while it is there."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from linnet.domain.timeline import Range
from linnet.errors import Invalid
from linnet.ids import MAX_ID, TweetId
from linnet.read.timelines.search import tweets_found_page
from linnet.read.views.pages import PageView, page_json
from linnet.read.views.tweets import TweetView
from linnet.stores.postgres.queries import Query
from linnet.write.actions import blocks
from tests.support.world import World


async def found(
    world: World, query: str, *, by: str | None = None, limit: int = 15, before: int = MAX_ID, after: int = 0
) -> PageView[TweetView]:
    viewer_id = None if by is None else world.ids[by]
    page = await tweets_found_page(world.read, viewer_id, query, Range(limit, before, after))
    return msgspec.json.decode(page_json(page), type=PageView[TweetView], strict=True)


async def texts(world: World, query: str, *, by: str | None = None) -> list[str]:
    return [item.text for item in (await found(world, query, by=by)).items]


async def assert_documents(world: World) -> None:
    """Each tweet that is not a retweet has a document, and nothing else has."""
    missing = await world.db.fetch(lambda *row: row, _MISSING)
    orphans = await world.db.fetch(lambda *row: row, _ORPHANS)
    assert (missing, orphans) == ([], [])


_MISSING = Query(
    "test.missing",
    (),
    "many",
    "select author_id, id, reply_to_author_id from tweets where retweet_of_id is null"
    " except select author_id, tweet_id, reply_to_author_id from tweet_documents",
)
_ORPHANS = Query(
    "test.orphans",
    (),
    "many",
    "select author_id, tweet_id from tweet_documents"
    " except select author_id, id from tweets where retweet_of_id is null",
)


@pytest.fixture
async def town(world: World) -> AsyncIterator[World]:
    await world.person("ada", "linus", "eva")
    yield world
    await world.settle()
    await assert_documents(world)


# A text, what finds it, and what does not.
IN_EVERY_SCRIPT: list[tuple[str, list[str], list[str]]] = [
    ("The finches were running home", ["finch", "FINCHES", "run", "running home", "finches home"], ["runs away"]),
    ("Crème brûlée à Genève", ["creme brulee", "CRÈME", "geneve", '"creme brulee"'], ['"brulee creme"']),
    ("Die Häuser sind nicht groß, und das ist gut", ["haus", "hauser", "GROSS", "häuser"], ["hause gross klein"]),
    ("Я читаю новые книги", ["книга", "КНИГИ", "читаю"], ["книжный"]),
    ("Жёлтый ёж", ["желтый", "ёж", "еж"], ["eж желток"]),
    ("Η θάλασσα είναι μπλε", ["θαλασσα", "ΘΑΛΑΣΣΑ"], ["βουνο"]),
    ("東京都庁へ行きました", ["東京", "都庁", "京", "行きました", "た"], ["大阪", "京東"]),
    ("我喜欢吃北京烤鸭。", ["北京", "烤鸭", "北京烤鸭", "鸭"], ["鸭北"]),
    ("สวัสดีชาวโลก", ["สวัสดี", "ชาวโลก"], ["ลาก่อน"]),
    ("학교에서 만나요", ["학교", "만나요"], ["병원"]),
    ("مُحَمَّد يكتب كتابا", ["محمد", "مُحَمَّد"], ["علي"]),
    ("שָׁלוֹם עולם", ["שלום", "עולם"], ["לילה"]),
    ("मैं हिन्दी में लिखता हूँ", ["हिन्दी"], ["पानी"]),
    ("Lift-off 🚀 👩‍🚀 for 🇩🇪 ❤️", ["🚀", "🇩🇪", "❤", "lift-off", '"lift off" 🚀'], ["🛰", "🇫🇷"]),
    (
        "See https://www.example.com/Finches?x=1 now",
        ["example.com", "finches", "has:link from:ada", "has:links see"],
        ["www"],
    ),
    ("ＦＵＬＬ ｗｉｄｔｈ", ["full width"], ["half"]),
    ("don't panic, o'clock", ["don't", "panic", '"don\'t panic"'], ["dont"]),
    ("\\ ' : & | ! ( ) <-> *", [], ["\\", "'", "& | !", "a <-> b:*"]),
]


async def test_words_are_found_in_every_script(town: World) -> None:
    for text, _, _ in IN_EVERY_SCRIPT:
        await town.post("ada", text)
    await town.settle()
    for text, queries, others in IN_EVERY_SCRIPT:
        for query in queries:
            assert text in await texts(town, query), query
        for query in others:
            assert text not in await texts(town, query), query


async def test_every_operator_narrows_the_search_down(town: World) -> None:
    first = await town.post("ada", "Finches at the window, @linus. #Birds")
    await town.post("linus", "How many finches?", reply_to=first)
    await town.post("eva", "No birds here https://example.com")
    await town.post("eva", "#birds of @eva")
    await town.settle()
    cases = {
        "finches": ["How many finches?", "Finches at the window, @linus. #Birds"],
        "finches -many": ["Finches at the window, @linus. #Birds"],
        'finches -"at the window"': ["How many finches?"],
        "birds": ["#birds of @eva", "No birds here https://example.com", "Finches at the window, @linus. #Birds"],
        "#birds": ["#birds of @eva", "Finches at the window, @linus. #Birds"],
        "＃BIRDS": ["#birds of @eva", "Finches at the window, @linus. #Birds"],
        "birds -#birds": ["No birds here https://example.com"],
        "@linus": ["Finches at the window, @linus. #Birds"],
        "from:Ada": ["Finches at the window, @linus. #Birds"],
        "from:@ada finches": ["Finches at the window, @linus. #Birds"],
        "from:ada from:linus finches": ["How many finches?", "Finches at the window, @linus. #Birds"],
        "finches -from:ada": ["How many finches?"],
        "from:eva": ["#birds of @eva", "No birds here https://example.com"],
        "from:eva has:link": ["No birds here https://example.com"],
        "from:eva -has:link": ["#birds of @eva"],
        "from:eva has:mention": ["#birds of @eva"],
        "from:eva has:hashtag": ["#birds of @eva"],
        "to:ada": ["How many finches?"],
        "to:linus": ["Finches at the window, @linus. #Birds"],
        "finches is:reply": ["How many finches?"],
        "from:nobody finches": [],
        "to:nobody": [],
        "finches -from:nobody": ["How many finches?", "Finches at the window, @linus. #Birds"],
        "since:2020-01-01 finches -many": ["Finches at the window, @linus. #Birds"],
        "until:2020-01-01 finches": [],
        "since:2999-01-01": [],
        "since:2020-01-01 -finches": ["#birds of @eva", "No birds here https://example.com"],
        "has:cheese": [],
        "???": [],
    }
    for query, expected in cases.items():
        assert await texts(town, query) == expected, query


@pytest.mark.parametrize(
    "query", ["", "   ", "-birds", "has:link", "-from:ada", "until:2026-01-01", "is:reply -x", "x" * 301]
)
async def test_a_search_that_says_too_little_or_too_much_is_refused(town: World, query: str) -> None:
    with pytest.raises(Invalid):
        await found(town, query)


async def test_a_deleted_tweet_is_found_no_more_at_once(town: World) -> None:
    tweet_id = await town.post("ada", "finches")
    kept = await town.post("ada", "more finches")
    await town.settle()
    await town.delete("ada", tweet_id)
    town.forget()
    assert await texts(town, "finches") == ["more finches"]
    await town.settle()
    assert await texts(town, "finches") == ["more finches"]
    await town.delete("ada", kept)
    await town.settle()
    assert await texts(town, "finches") == []


async def test_retweets_are_not_found_their_originals_are(town: World) -> None:
    tweet_id = await town.post("ada", "finches")
    await town.retweet("linus", tweet_id)
    await town.settle()
    page = await found(town, "finches")
    assert [item.id for item in page.items] == [str(tweet_id)]
    await town.delete("ada", tweet_id)
    await town.settle()
    assert await texts(town, "finches") == []


async def test_pages_join_while_new_tweets_arrive(town: World) -> None:
    ids = [await town.post("ada", f"finches {number}") for number in range(10)]
    for number in range(5):
        await town.post("ada", f"nothing {number}")
    await town.settle()
    seen: list[int] = []
    before = MAX_ID
    while True:
        page = await found(town, "finches", limit=3, before=before)
        seen += [int(item.id) for item in page.items]
        await town.post("eva", "finches too")
        await town.settle()
        if page.next is None:
            break
        before = int(page.next)
    assert seen == ids[::-1]
    upwards = await found(town, "finches", limit=3, after=ids[2])
    assert [int(item.id) for item in upwards.items] == ids[5:2:-1]
    assert upwards.next is not None


async def test_pages_are_full_when_many_hits_are_hidden(town: World) -> None:
    for number in range(12):
        await town.post(("ada", "linus", "eva")[number % 3], f"finches {number}")
    await town.settle()
    await town.person("viewer")
    await blocks.mute(town.write, town.ids["viewer"], town.ids["ada"])
    await blocks.block(town.write, town.ids["linus"], town.ids["viewer"])
    page = await found(town, "finches", by="viewer", limit=3)
    assert [item.author.username for item in page.items] == ["eva"] * 3
    assert page.next is not None
    assert await texts(town, "finches from:ada", by="viewer") == []
    assert await texts(town, "finches from:linus", by="viewer") == []
    assert len(await texts(town, "finches from:ada from:eva", by="viewer")) == 4
    assert len(await texts(town, "finches from:ada")) == 4


async def test_an_unknown_tweet_in_the_index_is_not_shown(town: World) -> None:
    tweet_id = await town.post("ada", "finches")
    await town.settle()
    await town.delete("ada", TweetId(tweet_id))
    town.forget()
    page = await found(town, "finches")
    assert (page.items, page.next) == ([], None)
