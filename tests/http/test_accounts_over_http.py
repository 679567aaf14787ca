"""Accounts: signing up, logging in and out, passwords, profiles."""

import asyncio
from typing import Any

import pytest

from linnet.ids import MAX_ID
from tests.http.app_world import PASSWORD, USER_AGENT, Person, Site, assert_problem, problem_fields

ADA = {"username": "Ada", "name": "Ada Finch", "email": "Ada@Example.com", "password": PASSWORD}


async def test_signing_up_answers_the_user_and_a_token_that_works(site: Site) -> None:
    answer = await site.ask("POST", "/api/users", ADA)
    assert answer.status_code == 201
    user, token = answer.json()["user"], answer.json()["token"]
    assert answer.headers["location"] == f"/api/users/{user['id']}"
    assert user["username"] == "ada"
    assert user["name"] == "Ada Finch"
    assert user["counts"] == {"tweets": 0, "followers": 0, "following": 0}
    me = await site.ask("GET", "/api/me", by=Person(user["id"], "ada", token))
    assert me.json() == {**user, "email": "ada@example.com", "phone": None, "last_active_at": None}


async def test_signing_up_with_several_bad_fields_names_each_of_them(site: Site) -> None:
    body = {"username": "a b", "name": "", "email": "nobody", "password": "short"}
    assert problem_fields(await site.ask("POST", "/api/users", body)) == ["username", "name", "email", "password"]


async def test_signing_up_with_missing_and_bad_fields_names_all_of_them_in_one_answer(site: Site) -> None:
    body = {"username": ["ada"], "email": "nobody", "password": None}
    assert problem_fields(await site.ask("POST", "/api/users", body)) == ["username", "name", "email", "password"]


@pytest.mark.parametrize(("field", "code"), [("username", "username_taken"), ("email", "email_taken")])
async def test_what_is_taken_is_a_conflict(site: Site, field: str, code: str) -> None:
    await site.ask("POST", "/api/users", ADA)
    again = {**ADA, "username": "another", "email": "another@example.com", field: ADA[field].upper()}
    assert_problem(await site.ask("POST", "/api/users", again), 409, code)


async def test_of_two_who_want_one_name_at_once_exactly_one_gets_it(site: Site) -> None:
    bodies = [{**ADA, "email": f"ada{number}@example.com"} for number in range(2)]
    answers = await asyncio.gather(*(site.ask("POST", "/api/users", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.com", "ADA@EXAMPLE.COM"])
async def test_one_logs_in_by_username_or_email(site: Site, login: str) -> None:
    ada = await site.sign_up("ada")
    answer = await site.ask("POST", "/api/sessions", {"login": login, "password": PASSWORD})
    assert answer.status_code == 201
    assert answer.json()["user"]["id"] == ada.id
    assert answer.json()["token"] != ada.token


async def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(site: Site) -> None:
    await site.sign_up("ada")
    unknown = await site.ask("POST", "/api/sessions", {"login": "nobody_here", "password": PASSWORD})
    wrong = await site.ask("POST", "/api/sessions", {"login": "ada", "password": "not the password"})
    assert_problem(wrong, 401, "wrong_credentials")
    assert unknown.content == wrong.content
    assert wrong.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("login", ["", " ", "\0", "a" * 5000, "@", "' or 1=1 --", 5, None, ["ada"], {"a": 1}])
async def test_no_log_in_is_a_server_error(busy_site: Site, login: Any) -> None:
    for password in (PASSWORD, "", "x" * 5000, 7, None):
        answer = await busy_site.ask("POST", "/api/sessions", {"login": login, "password": password})
        assert answer.status_code in (401, 422)


async def test_log_ins_are_listed_with_their_device(site: Site) -> None:
    ada = await site.sign_up("ada")
    phone = {"User-Agent": "Phone\t 1.0\x7f"}
    await site.ask("POST", "/api/sessions", {"login": "ada", "password": PASSWORD}, headers=phone)
    items = (await site.ask("GET", "/api/sessions", by=ada)).json()["items"]
    assert [(item["device"], item["current"]) for item in items] == [("Phone  1.0", False), (USER_AGENT, True)]


async def test_logging_out_ends_the_token_at_once(site: Site) -> None:
    ada = await site.sign_up("ada")
    assert (await site.ask("GET", "/api/me", by=ada)).status_code == 200
    assert (await site.ask("DELETE", "/api/sessions/current", by=ada)).status_code == 204
    assert_problem(await site.ask("GET", "/api/me", by=ada), 401, "invalid_token")


async def test_one_ends_ones_own_sessions_and_nobody_elses(site: Site) -> None:
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    token = (await site.ask("POST", "/api/sessions", {"login": "ada", "password": PASSWORD})).json()["token"]
    other = Person(ada.id, "ada", token)
    [first, _] = (await site.ask("GET", "/api/sessions", by=ada)).json()["items"]
    assert_problem(await site.ask("DELETE", f"/api/sessions/{first['id']}", by=eve), 404, "session_not_found")
    assert (await site.ask("GET", "/api/me", by=other)).status_code == 200
    assert (await site.ask("DELETE", f"/api/sessions/{first['id']}", by=ada)).status_code == 204
    assert (await site.ask("GET", "/api/me", by=other)).status_code == 401
    assert_problem(await site.ask("DELETE", f"/api/sessions/{first['id']}", by=ada), 404, "session_not_found")


async def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(site: Site) -> None:
    ada = await site.sign_up("ada")
    token = (await site.ask("POST", "/api/sessions", {"login": "ada", "password": PASSWORD})).json()["token"]
    body = {"old_password": PASSWORD, "new_password": " another password "}
    assert (await site.ask("POST", "/api/me/password", body, by=ada)).status_code == 204
    assert (await site.ask("GET", "/api/me", by=ada)).status_code == 200
    assert (await site.ask("GET", "/api/me", by=Person(ada.id, "ada", token))).status_code == 401
    for password, status in ((PASSWORD, 401), ("another password", 401), (" another password ", 201)):
        login = await site.ask("POST", "/api/sessions", {"login": "ada", "password": password})
        assert login.status_code == status


async def test_a_password_is_changed_only_with_the_old_one_and_to_a_different_one(site: Site) -> None:
    ada = await site.sign_up("ada")
    wrong = {"old_password": "not the password", "new_password": "another password"}
    assert_problem(await site.ask("POST", "/api/me/password", wrong, by=ada), 403, "wrong_password")
    same = {"old_password": PASSWORD, "new_password": PASSWORD}
    assert problem_fields(await site.ask("POST", "/api/me/password", same, by=ada)) == ["new_password"]
    assert problem_fields(await site.ask("POST", "/api/me/password", {}, by=ada))


async def test_a_profile_is_the_same_by_id_and_by_username_and_shows_no_secret(site: Site) -> None:
    ada, eve = await site.sign_up("ada"), await site.sign_up("eve")
    by_id = await site.ask("GET", f"/api/users/{ada.id}", by=eve)
    by_name = await site.ask("GET", "/api/users/by-username/ADA", by=eve)
    assert by_id.json() == by_name.json()
    assert not any(by_id.json()["viewer"].values())
    assert not by_id.json().keys() & {"email", "phone", "password", "password_hash"}
    assert "ada@example.com" not in by_id.text
    assert (await site.ask("GET", f"/api/users/{ada.id}")).json()["viewer"] is None
    assert (await site.ask("GET", f"/api/users/{ada.id}", by=ada)).json()["viewer"] is None


@pytest.mark.parametrize(
    "user_id", ["0", "1", "-1", "01", "x", "١", "1.0", "1e3", str(MAX_ID), str(MAX_ID + 1), "9" * 500]
)
async def test_an_id_that_is_nobodys_is_not_found(busy_site: Site, user_id: str) -> None:
    assert_problem(await busy_site.ask("GET", f"/api/users/{user_id}"), 404, "user_not_found")
    assert_problem(await busy_site.ask("GET", f"/api/users/{user_id}/tweets"), 404, "user_not_found")
    assert_problem(await busy_site.ask("GET", f"/api/users/{user_id}/followers"), 404, "user_not_found")


@pytest.mark.parametrize(
    "name", ["nobody", "%00", "%ff", "%F0%9F%90%A6", "a%20b", "ada@example.com", "x" * 3000, "%2e%2e"]
)
async def test_a_name_that_is_nobodys_is_not_found(busy_site: Site, name: str) -> None:
    await busy_site.newcomer()
    assert_problem(await busy_site.ask("GET", f"/api/users/by-username/{name}"), 404, "user_not_found")
