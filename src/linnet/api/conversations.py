"""Conversations: direct tweets, by what they go back to; and conversations of which one wants to hear no more."""

from linnet.api import examples
from linnet.api.answers import Answer, json_answer, no_content, page_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.params import PAGE
from linnet.errors import ConversationNotFound, TweetNotFound
from linnet.read.timelines.conversations import conversation_screen, conversations_page, directs_page
from linnet.read.timelines.thread import tweet_screen
from linnet.read.views.conversations import ConversationView
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView
from linnet.write.actions import conversations


async def list_conversations(call: Call) -> Answer:
    """List one's conversations

    Direct tweets that answer each other are a conversation; it begins with one that answers nothing, or something that
    is not direct. The one with the newest tweet stands first. Nothing from people one blocks or mutes. Cursors are of
    the newest tweets.
    """
    return view_answer(await conversations_page(call.services.read, call.actor.user_id, call.range()))


async def read_conversation(call: Call) -> Answer:
    """Mark a conversation as read

    All that has come in it until now. Whoever answers has read what came before, too. Answers the conversation.
    """
    user_id, conversation_id = call.actor.user_id, call.conversation_id()
    await conversations.mark_conversation_read(call.services.write, user_id, conversation_id)
    return view_answer(await conversation_screen(call.services.read, user_id, conversation_id))


async def delete_conversation(call: Call) -> Answer:
    """Put a conversation away

    From one's own list alone, until something new comes, which is then all that is in it. Nothing is deleted. Quiet
    when there is none.
    """
    await conversations.hide_conversation(call.services.write, call.actor.user_id, call.conversation_id())
    return no_content()


async def direct_timeline(call: Call) -> Answer:
    """Read direct tweets

    All that one wrote, or that mention or answer one, newest first, but for conversations that one put away.
    """
    return page_answer(await directs_page(call.services.read, call.actor.user_id, call.range()))


async def put_conversation_mute(call: Call) -> Answer:
    """Mute a tweet's conversation

    Of whatever visibility. From now on nothing that is done in it is told to one: no answers, mentions, likes and
    retweets. Quiet when it is so already. Answers the tweet, with `muted`.
    """
    muted_id = await conversations.mute_conversation(call.services.write, call.actor.user_id, call.tweet_id())
    return json_answer(await tweet_screen(call.services.read, call.actor.user_id, muted_id))


async def delete_conversation_mute(call: Call) -> Answer:
    """Unmute a tweet's conversation

    What was done meanwhile stays untold. Quiet when it was not muted. Answers the tweet.
    """
    unmuted_id = await conversations.unmute_conversation(call.services.write, call.actor.user_id, call.tweet_id())
    return json_answer(await tweet_screen(call.services.read, call.actor.user_id, unmuted_id))


_ONE = "/api/conversations/{conversation_id}"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/api/conversations",
        list_conversations,
        "conversations",
        Success("A page of conversations.", PageView[ConversationView], examples.CONVERSATIONS),
        query=PAGE,
    ),
    Endpoint(
        "POST",
        f"{_ONE}/read",
        read_conversation,
        "conversations",
        Success("The conversation.", ConversationView, examples.CONVERSATION_READ),
        problems=(ConversationNotFound,),
    ),
    Endpoint(
        "DELETE",
        _ONE,
        delete_conversation,
        "conversations",
        Success("It is put away.", status=204),
        problems=(ConversationNotFound,),
    ),
    Endpoint(
        "GET",
        "/api/timelines/direct",
        direct_timeline,
        "conversations",
        Success("A page of tweets.", PageView[TweetView], examples.DIRECTS),
        query=PAGE,
    ),
    Endpoint(
        "PUT",
        "/api/tweets/{tweet_id}/mute",
        put_conversation_mute,
        "conversations",
        Success("The tweet.", TweetView, examples.MUTED_TWEET),
        problems=(TweetNotFound,),
    ),
    Endpoint(
        "DELETE",
        "/api/tweets/{tweet_id}/mute",
        delete_conversation_mute,
        "conversations",
        Success("The tweet.", TweetView, examples.TWEET),
        problems=(TweetNotFound,),
    ),
)
