"""One's own account."""

import msgspec

from linnet.api import examples
from linnet.api.answers import Answer, no_content, view_answer
from linnet.api.auth import InvalidToken
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.errors import PictureTooLarge, PictureUnreadable, Unauthenticated, UserNotFound, WrongPassword
from linnet.read.timelines.people import me_screen
from linnet.read.views.users import MeView
from linnet.write.actions import avatars
from linnet.write.actions.accounts import change_password
from linnet.write.actions.erasure import delete_account
from linnet.write.actions.profiles import edit_profile


class ChangePasswordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both exactly as typed: nothing is trimmed."""

    old_password: str
    new_password: str


class DeleteAccountBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asked for again: an open browser is not enough."""

    password: str


class FieldBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A label of up to 50 characters, and what stands beside it, of up to 255."""

    name: str
    value: str


class EditProfileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is not sent stays as it is."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    bio: str | msgspec.UnsetType | None = msgspec.UNSET
    location: str | msgspec.UnsetType | None = msgspec.UNSET
    phone: str | msgspec.UnsetType | None = msgspec.UNSET
    locked: bool | msgspec.UnsetType = msgspec.UNSET
    fields: list[FieldBody] | msgspec.UnsetType | None = msgspec.UNSET
    bot: bool | msgspec.UnsetType = msgspec.UNSET
    discoverable: bool | msgspec.UnsetType = msgspec.UNSET
    indexable: bool | msgspec.UnsetType = msgspec.UNSET


async def get_me(call: Call) -> Answer:
    """Read one's own account

    The profile, with what nobody else is shown: the e-mail address and the phone number.
    """
    return await _own_account(call)


async def patch_me(call: Call) -> Answer:
    """Change one's profile

    Only what is sent is changed. `null` clears the bio, the location or the phone number; a name cannot be cleared.
    The phone number is shown to nobody else; it begins with a plus and the country. Whoever is `locked` is asked before
    somebody follows them; who waits when one is not any more is let in. `fields` are up to four labels with something
    beside each; a `bot` says that a program writes here; who is not `discoverable` is suggested to nobody, and
    search engines are asked to leave out the pages of who is not `indexable`.
    """
    services, user_id = call.services, call.actor.user_id
    await edit_profile(services.write, user_id, await call.json_object())
    services.read.forget_person(user_id)
    return await _own_account(call)


async def put_avatar(call: Call) -> Answer:
    """Choose one's picture

    The body is the file: JPEG, PNG or WebP, up to 5 MB and 25 million pixels; or a form with it as the only file. What
    is shown is the middle of it, upright, in three sizes, without anything else that was in the file. Of a moving
    picture the first frame is taken.
    """
    services, user_id = call.services, call.actor.user_id
    await avatars.put_avatar(services.write, user_id, call.picture)
    services.read.forget_person(user_id)
    return await _own_account(call)


async def put_header(call: Call) -> Answer:
    """Choose the picture above one's profile

    As for one's own picture; what is shown is the middle, three times as wide as it is high.
    """
    services, user_id = call.services, call.actor.user_id
    await avatars.put_avatar(services.write, user_id, call.picture, use="header")
    services.read.forget_person(user_id)
    return await _own_account(call)


async def delete_header(call: Call) -> Answer:
    """Have no picture above one's profile

    The one before is deleted, unless somebody else has the very same.
    """
    services, user_id = call.services, call.actor.user_id
    await avatars.remove_avatar(services.write, user_id, use="header")
    services.read.forget_person(user_id)
    return await _own_account(call)


async def delete_avatar(call: Call) -> Answer:
    """Go back to the picture that is drawn

    The one before is deleted, unless somebody else has the very same.
    """
    services, user_id = call.services, call.actor.user_id
    await avatars.remove_avatar(services.write, user_id)
    services.read.forget_person(user_id)
    return await _own_account(call)


async def post_password(call: Call) -> Answer:
    """Change one's password

    Ends every other session of the account. The new password must differ from the old one.
    """
    services, actor = call.services, call.actor
    body = await call.raw_fields(ChangePasswordBody)
    await change_password(
        services.write,
        services.passwords,
        actor.user_id,
        actor.session_id,
        old=body["old_password"],
        new=body["new_password"],
    )
    services.viewers.forget_user(actor.user_id)
    return no_content()


async def delete_me(call: Call) -> Answer:
    """Delete one's account

    For good, and at once: the person is invisible everywhere, every session has ended, and the e-mail address is free
    again. What they wrote, liked and followed is erased in the background. The username stays reserved for ever.
    """
    services, user_id = call.services, call.actor.user_id
    body = await call.raw_fields(DeleteAccountBody)
    try:
        await delete_account(services.write, services.passwords, user_id, password=body["password"])
    except Unauthenticated as error:
        # Another request of theirs was quicker.
        raise InvalidToken from error
    services.viewers.forget_user(user_id)
    services.read.forget_person(user_id)
    return no_content()


async def _own_account(call: Call) -> Answer:
    try:
        return view_answer(await me_screen(call.services.read, call.actor.user_id))
    except UserNotFound as error:
        # The account went while the token was still remembered.
        raise InvalidToken from error


ENDPOINTS = (
    Endpoint("GET", "/api/me", get_me, "me", Success("The account.", MeView, examples.ME)),
    Endpoint(
        "PATCH",
        "/api/me",
        patch_me,
        "me",
        Success("The account as it is now.", MeView, examples.EDITED_ME),
        body=EditProfileBody,
        body_example=EditProfileBody(bio=examples.BIO, location="Kraków", phone="+48 601 234 567"),
        limit="profile",
    ),
    Endpoint(
        "PUT",
        "/api/me/avatar",
        put_avatar,
        "me",
        Success("The account with its new picture.", MeView, examples.PICTURED_ME),
        takes_picture=True,
        problems=(PictureUnreadable, PictureTooLarge),
        limit="avatar",
    ),
    Endpoint(
        "DELETE",
        "/api/me/avatar",
        delete_avatar,
        "me",
        Success("The account without one.", MeView, examples.ME),
        limit="profile",
    ),
    Endpoint(
        "PUT",
        "/api/me/header",
        put_header,
        "me",
        Success("The account with the picture above its profile.", MeView, examples.HEADED_ME),
        takes_picture=True,
        problems=(PictureUnreadable, PictureTooLarge),
        limit="avatar",
    ),
    Endpoint(
        "DELETE",
        "/api/me/header",
        delete_header,
        "me",
        Success("The account without one.", MeView, examples.ME),
        limit="profile",
    ),
    Endpoint(
        "POST",
        "/api/me/password",
        post_password,
        "me",
        Success("Changed.", status=204),
        body=ChangePasswordBody,
        body_example=ChangePasswordBody("a feather for a pen", "two feathers for a pen"),
        problems=(WrongPassword,),
        limit="password",
    ),
    Endpoint(
        "DELETE",
        "/api/me",
        delete_me,
        "me",
        Success("The account is gone.", status=204),
        body=DeleteAccountBody,
        body_example=DeleteAccountBody("two feathers for a pen"),
        problems=(WrongPassword,),
        limit="password",
    ),
)
