"""Usernames, display names, e-mail addresses and passwords: what is taken, what is refused, and in which words."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linnet.domain.names import (
    RESERVED_USERNAMES,
    Problems,
    check_display_name,
    check_email,
    check_password,
    check_username,
    fold_login,
    login_kind,
)
from linnet.errors import FieldError, Invalid

ANY_TEXT = st.text(st.characters(codec=None), max_size=80)


def refusal_of(rule, *args, **kwargs) -> FieldError:
    with pytest.raises(Invalid) as caught:
        rule(*args, **kwargs)
    (error,) = caught.value.errors
    return error


# --- usernames ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "username"),
    [("ada", "ada"), ("Ada_Lovelace", "ada_lovelace"), ("x", "x"), ("_", "_"), ("007", "007"), ("Q" * 30, "q" * 30)],
)
def test_a_username_is_lower_cased(raw, username):
    assert check_username(raw) == username


@pytest.mark.parametrize(
    "raw",
    [
        *[" ada", "ada ", "a da", "ada\n", "\tada", "ada\u3000", "ada\x00", "a-b", "a.b", "a@b", "@ada", "#ada"],
        *["josé", "ада", "アダ", "ａｄａ", "\u212aate", "ıs", "١٢", "🎉", "a\u200db", "\ud800", "a\u0301", " ", "\n"],
    ],
)
def test_a_username_holds_plain_letters_digits_and_underscores_only(raw):
    error = refusal_of(check_username, raw)
    assert error == FieldError("username", "A username is made of the letters a to z, digits and underscores only.")


def test_a_username_has_one_to_thirty_characters():
    assert refusal_of(check_username, "").message == "Please choose a username."
    long = refusal_of(check_username, "x" * 31)
    assert long.message == "A username has at most 30 characters; this one has 31."


@pytest.mark.parametrize("raw", ["admin", "ADMIN", "Root", "me", "linnet", "api", "support", "users", "health", "null"])
def test_reserved_words_are_refused_in_any_case(raw):
    assert refusal_of(check_username, raw).message == "This username is reserved. Please choose another one."


def test_every_reserved_word_could_be_a_username_otherwise():
    assert all(
        word.isascii() and word == word.lower() and word.replace("_", "a").isalnum() for word in RESERVED_USERNAMES
    )
    assert all(len(word) <= 30 for word in RESERVED_USERNAMES)


# --- display names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Ada", "Ada"),
        ("  Ada  King \n Lovelace ", "Ada King Lovelace"),
        ("Jose\u0301", "José"),
        ("山田 太郎", "山田 太郎"),
        ("山田\u3000太郎", "山田 太郎"),
        ("محمد", "محمد"),
        ("שרה 🎉", "שרה 🎉"),
        ("می\u200cنا", "می\u200cنا"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("O'Neill <b>", "O'Neill <b>"),
        ("x" * 50, "x" * 50),
        ("e\u0301" * 50, "é" * 50),
    ],
)
def test_a_display_name_is_composed_and_on_one_line(raw, name):
    assert check_display_name(raw) == name


@pytest.mark.parametrize("raw", ["", "   ", "\n", "\u200b", "\u3164", "\u2800", "\u200d\ufe0f", "\u200e"])
def test_a_display_name_must_be_visible(raw):
    assert refusal_of(check_display_name, raw) == FieldError("name", "Please tell us a name that people can see.")


@pytest.mark.parametrize(
    "raw", ["a\x00", "a\x1bb", "a\ud800", "a\uffff", "a\u202eb", "a\u202ab", "a\u2066b", "a\u2069b"]
)
def test_a_display_name_holds_nothing_that_reaches_beyond_it(raw):
    error = refusal_of(check_display_name, raw)
    assert error.field == "name"
    assert error.message.startswith("Your name holds ")
    assert "(U+" in error.message


def test_a_display_name_has_at_most_fifty_characters():
    assert refusal_of(check_display_name, "x" * 51).message == "Your name has 51 characters; 50 are allowed."
    assert refusal_of(check_display_name, "x" * 10**6).message == "Your name has 1000000 characters; 50 are allowed."


# --- e-mail addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "email"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@Example.COM\n", "ada@example.com"),
        ("a.b-c_d+tag@mail.example.co.uk", "a.b-c_d+tag@mail.example.co.uk"),
        ("o'neill&co!#$%*/=?^`{|}~@example.com", "o'neill&co!#$%*/=?^`{|}~@example.com"),
        ("1@1.io", "1@1.io"),
        ("Ünï@BÜCHER.example", "ünï@bücher.example"),
        ("jose\u0301@example.com", "josé@example.com"),
        ("почта@пример.рф", "почта@пример.рф"),
        ("用户@例子.中国", "用户@例子.中国"),
        ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    ],
)
def test_an_email_address_is_trimmed_and_lower_cased(raw, email):
    assert check_email(raw) == email


@pytest.mark.parametrize(
    "raw",
    [
        *["ada", "ada@", "@example.com", "@", "ada@@example.com", "a@b@example.com", "ada example.com"],
        *["ada@localhost", "ada@example", "ada@example.", "ada@.com", "ada@exa..mple.com", "ada@-a.com", "ada@a-.com"],
        *["ada@127.0.0.1", "ada@[127.0.0.1]", "ada@exam_ple.com", "ada@example.com,bob@example.com", "ada@a/b.com"],
        *[
            "a da@example.com",
            "ada@exam ple.com",
            "ada\n@example.com",
            "ada@example.com\nbcc:x",
            "a\u00a0b@example.com",
        ],
        *[".ada@example.com", "ada.@example.com", "a..b@example.com", '"a b"@example.com', "a,b@example.com"],
        *["<ada@example.com>", "Ada <ada@example.com>", "mailto:ada@example.com", "ada(x)@example.com"],
        *[
            "a\x00@example.com",
            "a\ud800@example.com",
            "ada@exa\x7fmple.com",
            "a\u202e@example.com",
            "a\u200b@example.com",
        ],
        *["ａｄａ@example.com", "ada@ｅxample.com", "ada＠example.com", "ada@example。com", "🎉@example.com"],
        *["x" * 65 + "@example.com", "é" * 33 + "@example.com", "ada@" + "x" * 64 + ".com"],
        *["ada@" + "x." * 125 + "com", "x" * 10**6, " " * 2000 + "@" + " " * 2000],
    ],
)
def test_what_is_no_email_address_is_refused(raw):
    error = refusal_of(check_email, raw)
    assert error.field == "email"
    assert error.message.endswith(".")
    error.message.encode()


@pytest.mark.parametrize("raw", ["", "  "])
def test_an_empty_email_address_is_asked_for(raw):
    assert refusal_of(check_email, raw).message == "Please tell us your e-mail address."


# --- passwords ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    ["12345678", "        ", " spaced out ", "a\x00bcdefgh", "pässwörd", "e\u0301" * 8, "🎉" * 8, "x" * 1000],
)
def test_a_password_is_kept_exactly_as_typed(password):
    assert check_password(password) == password


def test_a_password_has_eight_to_a_thousand_characters():
    assert refusal_of(check_password, "1234567") == FieldError("password", "A password has at least 8 characters.")
    assert refusal_of(check_password, "").message == "A password has at least 8 characters."
    assert refusal_of(check_password, "x" * 1001).message == "A password has at most 1000 characters."


def test_a_password_that_has_no_bytes_is_refused():
    assert "broken character" in refusal_of(check_password, "abcdefgh\ud800").message


@pytest.mark.parametrize("password", ["ada_lovelace", "ADA_Lovelace", "ada@example.com", "Ada@Example.com"])
def test_a_password_is_not_ones_name_or_address(password):
    error = refusal_of(check_password, password, username="Ada_Lovelace", email="ada@example.com")
    assert error.message == "The password must not be your username or your e-mail address."
    assert check_password(password + "1", username="Ada_Lovelace", email="ada@example.com") == password + "1"


def test_a_field_can_have_another_name():
    assert refusal_of(check_password, "short", field="new_password").field == "new_password"


# --- logging in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "kind", "folded"),
    [
        ("Ada", "username", "ada"),
        (" Ada ", "username", "ada"),
        ("admin", "username", "admin"),
        ("ADA@Example.com ", "email", "ada@example.com"),
        ("", "username", ""),
        ("ada lovelace", "username", ""),
        ("ada\x00", "username", ""),
        ("\ud800", "username", ""),
        ("@ada", "email", ""),
        ("ada@\ud800.com", "email", ""),
        ("x" * 31, "username", ""),
        ("x" * 10**6, "username", ""),
    ],
)
def test_what_is_typed_to_log_in_becomes_what_is_stored_or_nothing(raw, kind, folded):
    assert login_kind(raw) == kind
    assert fold_login(raw) == folded


# --- many at once ---------------------------------------------------------------------------------------------------


def test_every_bad_field_is_named_at_once():
    problems = Problems()
    problems.check(check_username, "not ok")
    assert problems.check(check_display_name, " Ada ") == "Ada"
    problems.check(check_email, "nowhere")
    problems.check(check_password, "short", username="not ok")
    problems.add("phone", "No.")
    with pytest.raises(Invalid) as caught:
        problems.raise_if_any()
    assert [error.field for error in caught.value.errors] == ["username", "email", "password", "phone"]


def test_nothing_is_raised_when_all_is_well():
    problems = Problems()
    assert problems.check(check_username, "Ada") == "ada"
    problems.raise_if_any()


# --- properties -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [check_username, check_display_name, check_email, check_password])
@given(raw=ANY_TEXT | st.emails())
def test_any_text_is_taken_in_a_lasting_form_or_refused_in_a_sentence(rule, raw):
    try:
        value = rule(raw)
    except Invalid as refusal:
        (error,) = refusal.errors
        error.message.encode()
        return
    value.encode()
    assert rule(value) == value
    if rule is not check_password:
        assert unicodedata.is_normalized("NFC", value)


@given(ANY_TEXT | st.emails())
def test_whoever_signed_up_can_log_in_with_what_they_typed(raw):
    fold_login(raw).encode()
    for rule in (check_username, check_email):
        try:
            stored = rule(raw)
        except Invalid:
            continue
        assert fold_login(raw) == fold_login(stored) == stored
