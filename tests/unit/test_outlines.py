"""Markup with open places is, filled in, what it would be without them."""

import pytest
from markupsafe import Markup

from linnet.web.outlines import outline_of, place
from linnet.web.pages.layout import ids_of


def test_places_are_filled_wherever_they_stand_and_as_often() -> None:
    outline = outline_of(Markup("{a}x{b}{a}é{a}").format(a=place("one"), b=place("the_other")))
    assert outline.fill({"one": b"1", "the_other": "ß".encode()}) == "1xß1é1".encode()
    # What is filled in is not looked at again, and leaves the outline as it was.
    sly = str(place("one")).encode()
    assert outline.fill({"one": sly, "the_other": b""}) == b"%bx%b\xc3\xa9%b" % (sly, sly, sly)
    assert outline.fill({"one": b"", "the_other": b"2"}) == "x2é".encode()


def test_markup_without_places_is_itself() -> None:
    assert outline_of("").fill({}) == b""
    assert outline_of("<p>one-1</p>").fill({"one": b"2"}) == b"<p>one-1</p>"


def test_a_place_that_nothing_is_given_for_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        outline_of(place("here")).fill({})


def test_the_ids_of_tweets_are_found_where_their_json_has_them() -> None:
    assert ids_of([b'{"id":"12","text":"\\"id\\":\\"3\\""}', b'{"id":"9223372036854775807","text":""}']) == [
        12,
        2**63 - 1,
    ]
