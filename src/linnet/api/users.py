"""Users: signing up, profiles, and the lists that belong to a person."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, page_answer, view_answer
from linnet.api.endpoints import Call, Endpoint, HeaderDoc, Success
from linnet.api.params import PAGE
from linnet.errors import EmailTaken, SignUpsClosed, UsernameTaken, UserNotFound
from linnet.read.timelines.people import (
    followers_page,
    following_page,
    profile_screen,
    top_users_page,
    user_by_username_screen,
    user_screen,
)
from linnet.read.timelines.user import user_tweets_page
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import TweetView
from linnet.read.views.users import ProfileView, UserView
from linnet.write.actions.accounts import SignUp
from linnet.write.actions.guesses import sign_up_from


class SignUpBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a new account needs."""

    username: str
    name: str
    email: str
    password: str


class SignedUpView(msgspec.Struct, frozen=True):
    """A new account, and the token of its first session."""

    user: UserView
    token: str


async def post_user(call: Call) -> Answer:
    """Sign up

    Makes an account and logs in. Usernames are 1 to 30 of a to z, 0 to 9 and underscore, whatever the case; a password
    has at least 8 characters. Every field that is not right is named in one answer.
    """
    services = call.services
    body = await call.raw_fields(SignUpBody)
    wish = SignUp(**body, device=call.device())
    logged_in = await sign_up_from(services.write, services.passwords, services.limits, wish, address=call.address)
    user = await user_screen(services.read, logged_in.user_id, logged_in.user_id)
    location = (b"location", b"/api/users/%d" % logged_in.user_id)
    return view_answer(SignedUpView(user, logged_in.token), 201, location)


async def get_user(call: Call) -> Answer:
    """Read a profile

    `viewer` says how the one who asks stands to this user; it is null without a token, and on oneself.
    """
    return view_answer(await profile_screen(call.services.read, call.viewer_id, call.user_id()))


async def get_user_by_username(call: Call) -> Answer:
    """Read a profile by username

    Whatever the case of the letters.
    """
    return view_answer(await user_by_username_screen(call.services.read, call.viewer_id, call.path("username")))


async def list_user_tweets(call: Call) -> Answer:
    """List a person's tweets

    Tweets, replies and retweets, newest first; before them, on the first page, the one that is pinned. Nothing where
    one of the two blocks the other.
    """
    return page_answer(await user_tweets_page(call.services.read, call.viewer_id, call.user_id(), call.range()))


async def list_user_pictures(call: Call) -> Answer:
    """List a person's tweets with pictures

    Newest first, without retweets. Nothing where one of the two blocks the other.
    """
    page = await user_tweets_page(
        call.services.read, call.viewer_id, call.user_id(), call.range(), pinned_first=False, only_pictures=True
    )
    return page_answer(page)


async def list_followers(call: Call) -> Answer:
    """List who follows a person

    Whoever followed last comes first. The exact total is in the user's `counts`.
    """
    return view_answer(await followers_page(call.services.read, call.viewer_id, call.user_id(), call.range()))


async def list_following(call: Call) -> Answer:
    """List whom a person follows

    Whoever was followed last comes first. The exact total is in the user's `counts`.
    """
    return view_answer(await following_page(call.services.read, call.viewer_id, call.user_id(), call.range()))


async def list_top_users(call: Call) -> Answer:
    """List the top users

    People with so many followers (more than 5,000, unless the server is told otherwise) that their tweets are pulled by
    their readers instead of being pushed to them. Their newest tweets are at `/api/users/{user_id}/tweets`.
    """
    return view_answer(await top_users_page(call.services.read, call.viewer_id, call.range()))


_LOCATION = HeaderDoc("Location", "The user's address.", f"/api/users/{examples.ADA_ID}")

LIST_USER_TWEETS = Endpoint(
    "GET",
    "/api/users/{user_id}/tweets",
    list_user_tweets,
    "users",
    Success("A page of tweets.", PageView[TweetView], examples.TWEETS),
    access="viewer",
    query=PAGE,
    problems=(UserNotFound,),
)

ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/users",
        post_user,
        "users",
        Success(
            "The new user and a token.",
            SignedUpView,
            SignedUpView(examples.NEW_USER, examples.TOKEN),
            status=201,
            headers=(_LOCATION,),
        ),
        access="everyone",
        body=SignUpBody,
        body_example=SignUpBody("ada", "Ada Finch", "ada@example.com", "a feather for a pen"),
        problems=(UsernameTaken, EmailTaken, SignUpsClosed),
        limit="sign_up",
    ),
    Endpoint(
        "GET",
        "/api/users/top",
        list_top_users,
        "users",
        Success("A page of users.", PageView[UserView], examples.TOP_USERS),
        access="viewer",
        query=PAGE,
    ),
    Endpoint(
        "GET",
        "/api/users/{user_id}",
        get_user,
        "users",
        Success("The user.", ProfileView, examples.ADA_PROFILE),
        access="viewer",
        problems=(UserNotFound,),
    ),
    Endpoint(
        "GET",
        "/api/users/by-username/{username}",
        get_user_by_username,
        "users",
        Success("The user.", ProfileView, examples.ADA_PROFILE),
        access="viewer",
        problems=(UserNotFound,),
    ),
    LIST_USER_TWEETS,
    Endpoint(
        "GET",
        "/api/users/{user_id}/pictures",
        list_user_pictures,
        "users",
        Success("A page of tweets.", PageView[TweetView], examples.PICTURES),
        access="viewer",
        query=PAGE,
        problems=(UserNotFound,),
    ),
    Endpoint(
        "GET",
        "/api/users/{user_id}/followers",
        list_followers,
        "users",
        Success("A page of users.", PageView[UserView], examples.FOLLOWERS),
        access="viewer",
        query=PAGE,
        problems=(UserNotFound,),
    ),
    Endpoint(
        "GET",
        "/api/users/{user_id}/following",
        list_following,
        "users",
        Success("A page of users.", PageView[UserView], examples.FOLLOWING),
        access="viewer",
        query=PAGE,
        problems=(UserNotFound,),
    ),
)
