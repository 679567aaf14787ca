"""Every way a request can fail, as one tree of exceptions.

An error has a *kind* (an edge maps it to a status and knows nothing else), a stable *code* for programs, and a public
sentence: the first line of the class's docstring, unless the instance brings its own. Causes stay in ``__cause__`` or
``cause`` and go to the log, never to the client.
"""

from typing import ClassVar, Literal

import msgspec

Kind = Literal["invalid", "unauthenticated", "forbidden", "not_found", "conflict", "limited", "unavailable", "internal"]


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of an input, as a sentence for the person who typed it."""

    field: str
    message: str


class LinnetError(Exception):
    """Something went wrong on our side."""

    kind: ClassVar[Kind] = "internal"
    code: ClassVar[str] = "internal"

    def __init__(self, sentence: str | None = None) -> None:
        self.sentence = sentence or type(self).public_sentence()
        super().__init__(self.sentence)

    @classmethod
    def public_sentence(cls) -> str:
        """The first line of the docstring: what everybody may read."""
        return (cls.__doc__ or "").strip().splitlines()[0]


class Invalid(LinnetError):
    """Some of what you sent is not right."""

    kind = "invalid"
    code = "invalid_input"

    def __init__(self, errors: tuple[FieldError, ...], sentence: str | None = None) -> None:
        self.errors = errors
        super().__init__(sentence)

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        """One wrong field."""
        return cls((FieldError(field, message),))


class IdempotencyKeyReused(LinnetError):
    """This Idempotency-Key was used for a different request."""

    kind = "invalid"
    code = "idempotency_key_reused"


class CannotFollowYourself(LinnetError):
    """You cannot follow yourself."""

    kind = "invalid"
    code = "cannot_follow_yourself"


class CannotBlockYourself(LinnetError):
    """You cannot block yourself."""

    kind = "invalid"
    code = "cannot_block_yourself"


class CannotMuteYourself(LinnetError):
    """You cannot mute yourself."""

    kind = "invalid"
    code = "cannot_mute_yourself"


class CannotEndorseYourself(LinnetError):
    """It is your page already: show others on it."""

    kind = "invalid"
    code = "cannot_endorse_yourself"


class CannotEndorse(LinnetError):
    """You can show people on your page whom you follow."""

    kind = "invalid"
    code = "cannot_endorse"


class CannotReportYourself(LinnetError):
    """You cannot report yourself."""

    kind = "invalid"
    code = "cannot_report_yourself"


class AlreadyVoted(LinnetError):
    """You have voted in this poll, and chose something else."""

    kind = "invalid"
    code = "already_voted"


class PollIsOver(LinnetError):
    """This poll has ended."""

    kind = "invalid"
    code = "poll_is_over"


class CannotVoteInOwnPoll(LinnetError):
    """You cannot vote in your own poll."""

    kind = "invalid"
    code = "cannot_vote_in_own_poll"


class PictureUnreadable(LinnetError):
    """This is no JPEG, PNG or WebP picture, or it is broken."""

    kind = "invalid"
    code = "picture_unreadable"


class AttachmentUsed(LinnetError):
    """This picture stands in a tweet: what is said of it does not change any more, and it goes with the tweet."""

    kind = "invalid"
    code = "attachment_used"


class PictureTooLarge(LinnetError):
    """This picture is too large."""

    kind = "invalid"
    code = "picture_too_large"


class Unauthenticated(LinnetError):
    """You need to log in first."""

    kind = "unauthenticated"
    code = "not_logged_in"


class WrongCredentials(LinnetError):
    """The name or the password is not right."""

    kind = "unauthenticated"
    code = "wrong_credentials"


class Forbidden(LinnetError):
    """This is not yours to change."""

    kind = "forbidden"
    code = "forbidden"


class NotToBeRetweeted(Forbidden):
    """Only whoever wrote this may retweet it: it is for their followers."""

    code = "not_to_be_retweeted"


class NotToBePinned(Forbidden):
    """This cannot be on your page: it is for whom it mentions."""

    code = "not_to_be_pinned"


class Blocked(LinnetError):
    """One of you two blocks the other."""

    kind = "forbidden"
    code = "blocked"


class SignUpsClosed(LinnetError):
    """This place takes no new accounts at the moment."""

    kind = "forbidden"
    code = "sign_ups_closed"


class PushIsOff(LinnetError):
    """This place sends no notifications to devices."""

    kind = "forbidden"
    code = "push_is_off"


class WrongPassword(LinnetError):
    """The password is not right."""

    kind = "forbidden"
    code = "wrong_password"


class NotFound(LinnetError):
    """There is nothing here."""

    kind = "not_found"
    code = "not_found"


class UserNotFound(NotFound):
    """There is no such user."""

    code = "user_not_found"


class TweetNotFound(NotFound):
    """There is no such tweet."""

    code = "tweet_not_found"


class PollNotFound(NotFound):
    """There is no such poll."""

    code = "poll_not_found"


class RequestNotFound(NotFound):
    """Nobody waits there: the request was taken back, or there was none."""

    code = "request_not_found"


class ListNotFound(NotFound):
    """There is no such list."""

    code = "list_not_found"


class ConversationNotFound(NotFound):
    """There is no such conversation."""

    code = "conversation_not_found"


class FilterNotFound(NotFound):
    """There is no such filter."""

    code = "filter_not_found"


class FeaturedTagNotFound(NotFound):
    """There is no such tag on your page."""

    code = "featured_tag_not_found"


class SessionNotFound(NotFound):
    """There is no such session."""

    code = "session_not_found"


class ScheduledNotFound(NotFound):
    """There is no such tweet of yours that waits for its time: it may be posted already."""

    code = "scheduled_not_found"


class SubscriptionNotFound(NotFound):
    """There is no such subscription."""

    code = "subscription_not_found"


class AttachmentNotFound(NotFound):
    """There is no such picture of yours."""

    code = "attachment_not_found"


class PictureNotFound(NotFound):
    """There is no such picture."""

    code = "picture_not_found"


class Conflict(LinnetError):
    """This clashes with something that is already there."""

    kind = "conflict"
    code = "conflict"


class NotFollowed(Conflict):
    """You can put people on a list whom you follow, and yourself."""

    code = "not_followed"


class TooManyLists(Conflict):
    """You have as many lists as you may. Please delete one first."""

    code = "too_many_lists"


class TooManyEndorsed(Conflict):
    """You show as many people as you may. Please take one away first."""

    code = "too_many_endorsed"


class TooManyScheduled(LinnetError):
    """You have as many tweets waiting as you may: 300 in all, and 25 for one day. Please choose another day."""

    kind = "invalid"
    code = "too_many_scheduled"


class TooManyFilters(Conflict):
    """You have as many filters, or as much in them, as you may. Please delete some first."""

    code = "too_many_filters"


class TooManyFollowedTags(Conflict):
    """You follow as many tags as you may: 100. Please unfollow one first."""

    code = "too_many_followed_tags"


class TooManyFeaturedTags(Conflict):
    """You show as many tags as you may. Please take one away first."""

    code = "too_many_featured_tags"


class TooManyEdits(Conflict):
    """This tweet was edited as often as one may be."""

    code = "too_many_edits"


class UsernameTaken(Conflict):
    """This username is taken."""

    code = "username_taken"


class EmailTaken(Conflict):
    """This e-mail address is already registered."""

    code = "email_taken"


class Limited(LinnetError):
    """That was a lot at once. Please wait a moment."""

    kind = "limited"
    code = "rate_limited"

    def __init__(self, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__()


class TooManyStreams(Limited):
    """You have as many streams open as you may. Please close one, or wait a moment."""

    code = "too_many_streams"

    def __init__(self, retry_after_seconds: int = 30) -> None:
        super().__init__(retry_after_seconds)


class Unavailable(LinnetError):
    """linnet cannot answer this right now. Please try again in a moment."""

    kind = "unavailable"
    code = "unavailable"

    def __init__(self, cause: str, *, retry_after_seconds: int = 1) -> None:
        self.cause = cause
        self.retry_after_seconds = retry_after_seconds
        super().__init__()

    def __str__(self) -> str:
        return f"{self.sentence} ({self.cause})"


class StreamsFull(Unavailable):
    """Here are as many streams open as there can be. Please try again in a moment."""

    code = "streams_full"

    def __init__(self) -> None:
        super().__init__("no room for another stream", retry_after_seconds=5)
