"""What people may say of themselves: each rule's result, or the field that it names."""

from collections.abc import Callable

import pytest

from linnet.domain.profiles import check_bio, check_location, check_phone
from linnet.domain.visits import Activity, rounded_ms
from linnet.errors import Invalid

MINUTE = 60_000


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("I draw birds.", "I draw birds."),
        ("  two  blanks stay \n", "two  blanks stay"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("far\n\n\n\n\napart", "far\n\napart"),
        ("e\u0301", "é"),
        ("a\tb", "a b"),
        ("\u200d\u200b\u2060", ""),
        ("鳥" * 160, "鳥" * 160),
        ("x" * 160 + " " * 500, "x" * 160),
        ("👩‍🔬 עברית", "👩‍🔬 עברית"),
    ],
)
def test_a_bio_is_stored_as_it_reads(raw: str, stored: str) -> None:
    assert check_bio(raw) == stored
    assert check_bio(stored) == stored


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("", ""),
        ("\u3000", ""),
        ("\u200b", ""),
        (" Kraków,\n Polska ", "Kraków, Polska"),
        ("東京", "東京"),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_location_is_one_line(raw: str, stored: str) -> None:
    assert check_location(raw) == stored
    assert check_location(stored) == stored


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("", ""),
        (" - ", ""),
        ("+48601234567", "+48601234567"),
        ("+48 601 234 567", "+48601234567"),
        ("0049 (30) 123-456", "+4930123456"),
        ("+1.202.555.0143", "+12025550143"),
        ("+49 30/123456", "+4930123456"),
        ("\u00a0+44\u202f20\u00a07946\u20130958", "+442079460958"),
        ("+1234567", "+1234567"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_a_phone_number_is_stored_as_digits_behind_a_plus(raw: str, stored: str) -> None:
    assert check_phone(raw) == stored
    assert check_phone(stored) == stored


@pytest.mark.parametrize(
    ("rule", "raw"),
    [
        (check_bio, "x" * 161),
        (check_bio, "x" * 1_000_000),
        (check_bio, "a\0b"),
        (check_bio, "a\x1bb"),
        (check_bio, "a\ud800b"),
        (check_bio, "\u202eback"),
        (check_bio, "\uffff"),
        (check_location, "x" * 101),
        (check_location, "x" * 1_000_000),
        (check_location, "a\0b"),
        (check_location, "\u2066a"),
        (check_phone, "601 234 567"),
        (check_phone, "+0601234567"),
        (check_phone, "+123456"),
        (check_phone, "+1234567890123456"),
        (check_phone, "+48 601 234 567 ext. 3"),
        (check_phone, "+٤٨601234567"),
        (check_phone, "++48601234567"),
        (check_phone, "+48601234567\0"),
        (check_phone, "+" * 1_000_000),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(rule: Callable[[str], str], raw: str) -> None:
    with pytest.raises(Invalid) as refused:
        rule(raw)
    [error] = refused.value.errors
    assert error.field == rule.__name__.removeprefix("check_")
    assert error.message.endswith(".")


def test_news_is_what_came_since_the_visit_before_this_one() -> None:
    now = 1_780_000_000_000
    stored = Activity(last_active_ms=now - 5 * MINUTE, previous_visit_ms=now - 900 * MINUTE)
    assert stored.was_here_before_ms(now) == now - 900 * MINUTE
    assert stored.was_here_before_ms(now + 26 * MINUTE) == now - 5 * MINUTE, "a visit that is not stored yet"
    assert Activity(None, None).was_here_before_ms(now) is None
    assert Activity(now, None).was_here_before_ms(now) is None


def test_a_time_is_shown_to_five_minutes() -> None:
    midnight = 1_779_926_400_000
    assert [rounded_ms(midnight + more) for more in (0, 299_999, 300_000)] == [midnight, midnight, midnight + 300_000]
