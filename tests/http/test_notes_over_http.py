"""What one knows alone of people: notes of them, until when they are muted; and being rid of a follower."""

from datetime import datetime
from typing import Any

from linnet.domain.remarks import MAX_REMARK_CHARS
from tests.http.app_world import Person, Site, problem_fields


async def stands(site: Site, by: Person, to: Person) -> dict[str, Any]:
    answer = await site.ask("GET", f"/api/v1/accounts/relationships?id[]={to.id}", by=by)
    [found] = answer.json()
    relationship: dict[str, Any] = found
    return relationship


async def test_a_note_is_read_by_whoever_wrote_it_alone(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    noted = await site.ask("PUT", f"/api/users/{ben.id}/note", {"note": " Met at the\nbakery "}, by=ada)
    assert noted.json() == {"note": "Met at the\nbakery"}
    assert (await stands(site, ada, ben))["note"] == "Met at the\nbakery"
    assert (await stands(site, ben, ada))["note"] == ""
    assert (await site.ask("GET", f"/api/users/{ben.id}/note", by=ben)).json() == {"note": ""}
    by_app = await site.ask("POST", f"/api/v1/accounts/{ben.id}/note", {"comment": "Bakes"}, by=ada)
    assert by_app.json()["note"] == "Bakes"
    assert (await site.ask("GET", f"/api/users/{ben.id}/note", by=ada)).json() == {"note": "Bakes"}
    # Whoever keeps them away still knows why.
    await site.ask("PUT", f"/api/users/{ben.id}/block", by=ada)
    assert (await stands(site, ada, ben))["note"] == "Bakes"
    assert (await site.ask("POST", f"/api/v1/accounts/{ben.id}/note", {}, by=ada)).json()["note"] == ""
    assert (await site.ask("GET", f"/api/users/{ben.id}/note", by=ada)).json() == {"note": ""}


async def test_a_note_has_its_bounds(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    path = f"/api/users/{ben.id}/note"
    longest = "ł" * MAX_REMARK_CHARS
    assert (await site.ask("PUT", path, {"note": longest}, by=ada)).json() == {"note": longest}
    for wrong in (longest + "x", "x" * 30_000, "a\u202eb"):
        assert problem_fields(await site.ask("PUT", path, {"note": wrong}, by=ada)) == ["note"], len(wrong)
        assert (
            await site.ask("POST", f"/api/v1/accounts/{ben.id}/note", {"comment": wrong}, by=ada)
        ).status_code == 422
    assert (await site.ask("GET", path, by=ada)).json() == {"note": longest}
    for method in ("GET", "PUT"):
        assert (await site.ask(method, "/api/users/1/note", {"note": "x"}, by=ada)).status_code == 404


async def test_a_mute_for_a_time_says_when_it_ends(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    clock = site.world.write.clock
    muted = (await site.ask("POST", f"/api/v1/accounts/{ben.id}/mute", {"duration": 3600}, by=ada)).json()
    ends_ms = datetime.fromisoformat(muted["muting_expires_at"]).timestamp() * 1000
    assert muted["muting"]
    assert 0 <= clock.now_ms() + 3_600_000 - ends_ms < 600_000
    [listed] = (await site.ask("GET", "/api/v1/mutes", by=ada)).json()
    assert (listed["id"], listed["mute_expires_at"]) == (ben.id, muted["muting_expires_at"])
    forever = (await site.ask("POST", f"/api/v1/accounts/{ben.id}/mute", {"duration": 0}, by=ada)).json()
    assert (forever["muting"], forever["muting_expires_at"]) == (True, None)
    [listed] = (await site.ask("GET", "/api/v1/mutes", by=ada)).json()
    assert listed["mute_expires_at"] is None
    path = f"/api/users/{ben.id}/mute"
    assert (await site.ask("PUT", f"{path}?seconds=60", by=ada)).json()["viewer"]["muting"]
    assert (await stands(site, ada, ben))["muting_expires_at"] is not None
    for wrong in ("0", "-1", "x", "9" * 18):
        assert problem_fields(await site.ask("PUT", f"{path}?seconds={wrong}", by=ada)) == ["seconds"]


async def test_a_follower_is_sent_away_and_may_come_back(site: Site) -> None:
    ada, ben = await site.sign_up("ada"), await site.sign_up("ben")
    await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)
    tweet = await site.post(ada)
    await site.settle()

    async def home() -> list[str]:
        return [item["id"] for item in (await site.ask("GET", "/api/timelines/home", by=ben)).json()["items"]]

    assert await home() == [tweet["id"]]
    gone = await site.ask("POST", f"/api/v1/accounts/{ben.id}/remove_from_followers", by=ada)
    assert gone.json()["followed_by"] is False
    assert await home() == []
    await site.settle()
    assert await home() == []
    counts = (await site.ask("GET", f"/api/users/{ada.id}")).json()["counts"]
    assert (counts["followers"], counts["following"]) == (0, 0)
    assert (await site.ask("PUT", f"/api/users/{ada.id}/follow", by=ben)).json()["viewer"]["following"]
    assert await home() == [tweet["id"]]
    for _ in range(2):
        assert not (await site.ask("DELETE", f"/api/me/followers/{ben.id}", by=ada)).json()["viewer"]["followed_by"]
    await site.settle()
    assert await home() == []
    await site.world.assert_exact()
