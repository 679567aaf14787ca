"""Polls: what may be asked, what may be chosen, and what is counted. A poll is a tweet's, and goes by its id."""

from collections.abc import Sequence
from typing import Final

import msgspec
import regex

from linnet.domain.characters import find_forbidden, is_blank
from linnet.domain.text import normalise
from linnet.errors import FieldError, Invalid

MIN_OPTIONS: Final = 2
MAX_OPTIONS: Final = 4
MAX_OPTION_CHARS: Final = 50
MIN_SECONDS: Final = 300
MAX_SECONDS: Final = 2_629_746
"""A month."""

_SPACES: Final = regex.compile(r"\s+", regex.V1)


class PollDraft(msgspec.Struct, frozen=True):
    """What somebody asks, as it came. ``hides_votes``: how often each option was chosen is shown when it has ended."""

    options: tuple[str, ...]
    seconds: int
    multiple: bool = False
    hides_votes: bool = False


class Poll(msgspec.Struct, frozen=True):
    """As a tweet's row has it: it never changes."""

    options: tuple[str, ...]
    ends_ms: int
    multiple: bool = False
    hides_votes: bool = False


_poll = msgspec.json.Decoder(Poll)


def pack_poll(poll: Poll) -> str:
    """As a tweet's row has it."""
    return msgspec.json.encode(poll).decode()


def unpack_poll(packed: str) -> Poll:
    """Back from what a row has."""
    return _poll.decode(packed)


def check_poll(draft: PollDraft, *, now_ms: int) -> Poll:
    """Raises ``Invalid``, for all that is wrong with it at once. Options in which nothing stands are left out."""
    errors = []
    if len(draft.options) > 10 * MAX_OPTIONS or any(len(each) > 10 * MAX_OPTION_CHARS for each in draft.options):
        # Before any other work, so that a megabyte costs nothing.
        raise Invalid.field("poll.options", f"{MAX_OPTIONS} options of {MAX_OPTION_CHARS} characters are allowed.")
    options = [_SPACES.sub(" ", normalise(option)) for option in draft.options]
    options = [option for option in options if not is_blank(option)]
    if wrong := _wrong_options(options):
        errors.append(FieldError("poll.options", wrong))
    if not MIN_SECONDS <= draft.seconds <= MAX_SECONDS:
        errors.append(FieldError("poll.expires_in", "A poll lasts at least five minutes, and at most a month."))
    if errors:
        raise Invalid(tuple(errors))
    return Poll(tuple(options), now_ms + 1000 * draft.seconds, draft.multiple, draft.hides_votes)


def _wrong_options(options: Sequence[str]) -> str:
    if not MIN_OPTIONS <= len(options) <= MAX_OPTIONS:
        return f"A poll has {MIN_OPTIONS} to {MAX_OPTIONS} options; this has {len(options)}."
    for option in options:
        if forbidden := find_forbidden(option):
            return f"An option holds {forbidden}. Please remove it."
        if len(option) > MAX_OPTION_CHARS:
            return f"An option has {len(option)} characters; {MAX_OPTION_CHARS} are allowed."
    if len({option.casefold() for option in options}) < len(options):
        return "Two options are the same."
    return ""


def check_choices(poll: Poll, choices: Sequence[int]) -> tuple[int, ...]:
    """Places of options, from 0 on, each once and in their order. Raises ``Invalid``."""
    chosen = tuple(sorted(set(choices)))
    if not chosen:
        raise Invalid.field("choices", "Please choose something.")
    if chosen[0] < 0 or chosen[-1] >= len(poll.options):
        raise Invalid.field("choices", "There is no such option.")
    if len(chosen) > 1 and not poll.multiple:
        raise Invalid.field("choices", "One option can be chosen here.")
    return chosen
