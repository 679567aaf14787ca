"""Notifications in groups, as newer apps ask for them: each group by its key, wherever it is met."""

from typing import Any

import pytest

from tests.http.app_world import Person, Site


async def ask(site: Site, method: str, path: str, by: Person) -> Any:
    answer = await site.ask(method, f"/api/{path}", by=by)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    return answer.json()


@pytest.fixture
async def ada(site: Site) -> Person:
    """Three people follow her, then like her tweet; then the last one answers it."""
    ada = await site.sign_up("ada")
    tweet = await site.post(ada, "Fresh bread")
    people = [await site.sign_up(name) for name in ("ben", "cleo", "dora")]
    for path in (f"users/{ada.id}/follow", f"tweets/{tweet['id']}/like"):
        for person in people:
            await ask(site, "PUT", path, person)
        # She is told in the order in which it is applied, which is one for each person.
        await site.settle()
    await site.post(people[-1], "Is it warm?", reply_to=tweet["id"])
    await site.settle()
    return ada


async def test_one_key_names_a_group_in_both_lists_and_by_itself(site: Site, ada: Person) -> None:
    groups = (await ask(site, "GET", "v2/notifications", ada))["notification_groups"]
    assert [(group["type"], group["notifications_count"]) for group in groups] == [
        ("mention", 1),
        ("favourite", 3),
        ("follow", 3),
    ]
    single = await ask(site, "GET", "v1/notifications", ada)
    assert {each["group_key"] for each in single} == {group["group_key"] for group in groups}
    for group in groups:
        of_it = [each for each in single if each["group_key"] == group["group_key"]]
        assert isinstance(group["most_recent_notification_id"], int), "apps read it as a number"
        assert group["most_recent_notification_id"] == max(int(each["id"]) for each in of_it)
        path = f"v2/notifications/{group['group_key']}"
        alone = await ask(site, "GET", path, ada)
        assert alone["notification_groups"] == [group]
        assert {account["id"] for account in alone["accounts"]} == set(group["sample_account_ids"])
        assert [status["id"] for status in alone["statuses"]] == ([group["status_id"]] if "status_id" in group else [])
        accounts = await ask(site, "GET", f"{path}/accounts", ada)
        assert [account["id"] for account in accounts] == [each["account"]["id"] for each in of_it]
        assert len(await ask(site, "GET", f"{path}/accounts?limit=1", ada)) == 1


async def test_a_page_of_some_kinds_is_full_and_leads_on(site: Site, ada: Person) -> None:
    """What is left out takes no place of what is asked for."""
    page = await site.ask("GET", "/api/v2/notifications?types[]=follow&limit=1", by=ada)
    assert [group["type"] for group in page.json()["notification_groups"]] == ["follow"]
    path = "v2/notifications?exclude_types[]=mention&exclude_types[]=follow&limit=1"
    assert [group["type"] for group in (await ask(site, "GET", path, ada))["notification_groups"]] == ["favourite"]
    found, address = [], "/api/v2/notifications?limit=1"
    while address:
        answer = await site.ask("GET", address, by=ada)
        found += [group["type"] for group in answer.json()["notification_groups"]]
        address = answer.links["next"]["url"].removeprefix("http://linnet.test") if "next" in answer.links else ""
    assert found == ["mention", "favourite", "follow"]


@pytest.mark.parametrize("limit", [1, 2, 3, 20])
async def test_what_an_app_cannot_group_comes_one_by_one(site: Site, ada: Person, limit: int) -> None:
    """In its place among what is grouped, complete from page to page in both directions, each with a key of its own."""
    base = f"/api/v2/notifications?grouped_types[]=favourite&limit={limit}"
    single = await ask(site, "GET", "v1/notifications", ada)
    newest_like = max(int(each["id"]) for each in single if each["type"] == "favourite")
    expected = [
        (each["type"], int(each["id"]))
        for each in single
        if each["type"] != "favourite" or int(each["id"]) == newest_like
    ]
    assert [kind for kind, _ in expected] == ["mention", "favourite", "follow", "follow", "follow"]
    found, address = [], base
    while address:
        answer = await site.ask("GET", address, by=ada)
        found += answer.json()["notification_groups"]
        address = answer.links["next"]["url"].removeprefix("http://linnet.test") if "next" in answer.links else ""
    assert [(group["type"], group["most_recent_notification_id"]) for group in found] == expected
    assert len({group["group_key"] for group in found}) == len(expected)
    for group in found:
        if group["type"] == "follow":
            assert group["notifications_count"] == len(group["sample_account_ids"]) == 1
            by_key = await ask(site, "GET", f"v2/notifications/{group['group_key']}", ada)
            assert by_key["notification_groups"] == [group]
            people = await ask(site, "GET", f"v2/notifications/{group['group_key']}/accounts", ada)
            assert [account["id"] for account in people] == group["sample_account_ids"]
    upwards: list[dict[str, Any]] = []
    above = 1
    while page := (await site.ask("GET", f"{base}&min_id={above}", by=ada)).json()["notification_groups"]:
        upwards = page + upwards
        above = page[0]["most_recent_notification_id"]
    assert upwards == [group for group in found if group["most_recent_notification_id"] > 1]


async def test_to_dismiss_a_group_is_to_have_read_up_to_it(site: Site, ada: Person) -> None:
    groups = (await ask(site, "GET", "v2/notifications", ada))["notification_groups"]
    assert (await ask(site, "GET", "v2/notifications/unread_count", ada))["count"] == 3
    for group, left in zip(reversed(groups), (2, 1, 0), strict=True):
        assert await ask(site, "POST", f"v2/notifications/{group['group_key']}/dismiss", ada) == {}
        assert (await ask(site, "GET", "v2/notifications/unread_count", ada))["count"] == left
    assert len((await ask(site, "GET", "v2/notifications", ada))["notification_groups"]) == 3, "they stay"


async def test_a_key_of_nothing_and_of_somebody_elses_is_not_found(site: Site, ada: Person) -> None:
    groups = (await ask(site, "GET", "v2/notifications", ada))["notification_groups"]
    eve = await site.sign_up("eve")
    keys = [group["group_key"] for group in groups]
    for key in (
        *keys,
        "favourite-1",
        "ungrouped-1",
        "follow-x",
        "mention-1",
        "poll-1",
        "x",
        "-1",
        "favourite-9" + "9" * 30,
    ):
        for method, path in (("GET", ""), ("GET", "/accounts"), ("POST", "/dismiss")):
            answer = await site.ask(method, f"/api/v2/notifications/{key}{path}", by=eve)
            assert answer.status_code == 404, (key, path)
    # Whom one does not meet any more is not in it.
    [liked] = [group for group in groups if group["type"] == "favourite"]
    newest = liked["sample_account_ids"][0]
    await ask(site, "PUT", f"users/{newest}/mute", ada)
    accounts = await ask(site, "GET", f"v2/notifications/{liked['group_key']}/accounts", ada)
    assert newest not in {account["id"] for account in accounts}
    assert len(accounts) == 2


async def test_nothing_can_be_held_back_and_that_is_said(site: Site, ada: Person) -> None:
    policy = await ask(site, "GET", "v2/notifications/policy", ada)
    same = await site.ask("PATCH", "/api/v2/notifications/policy", {"for_new_accounts": "accept"}, by=ada)
    assert same.json() == policy
    refused = await site.ask("PATCH", "/api/v2/notifications/policy", {"for_new_accounts": "filter"}, by=ada)
    assert refused.status_code == 422
    assert "for_new_accounts" in refused.json()["details"]
