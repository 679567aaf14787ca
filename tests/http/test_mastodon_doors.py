"""Addresses that clients ask before they know anything, and the ways in which they write them."""

from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest

from tests.http.app_world import Site
from tests.http.oauth_world import register
from tests.http.page_world import PageSite


@pytest.fixture
async def client(pages: PageSite) -> AsyncIterator[httpx.AsyncClient]:
    """Of everything that a web process serves: the interface, and pages where the interface is not."""
    transport = httpx.ASGITransport(app=cast(Any, pages.app))
    async with httpx.AsyncClient(transport=transport, base_url="http://linnet.test") as client:
        yield client


async def test_what_is_asked_of_any_place_is_answered(site: Site, client: httpx.AsyncClient) -> None:
    ada = await site.sign_up("ada")
    meta = await client.get("/.well-known/host-meta")
    assert meta.headers["content-type"].startswith("application/xrd+xml")
    assert 'template="http://linnet.test/.well-known/webfinger?resource={uri}"' in meta.text
    found = await client.get("/.well-known/webfinger?resource=acct:ada@linnet.test")
    assert found.json()["subject"] == "acct:ada@linnet.test"
    assert found.json()["links"][0]["href"] == "http://linnet.test/@ada"
    for other in ("acct:ada@elsewhere.test", "acct:nobody@linnet.test", "http://linnet.test/@ada", ""):
        assert (await client.get("/.well-known/webfinger", params={"resource": other})).status_code == 404, other
    front = await client.head("/")
    assert (front.status_code, front.content) == (200, b"")
    assert (await client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {ada.token}"})).status_code == 200


async def test_a_slash_at_the_end_changes_nothing_and_no_post_is_sent_elsewhere(
    site: Site, client: httpx.AsyncClient
) -> None:
    app = await register(site)
    wish = {"grant_type": "client_credentials", **app.credentials()}
    for slash in ("", "/"):
        granted = await client.post(f"/oauth/token{slash}", data=wish)
        assert granted.status_code == 200, granted.text
        gone = await client.post(
            f"/oauth/revoke{slash}", data={"token": granted.json()["access_token"], **app.credentials()}
        )
        assert gone.status_code == 200
        # Where people are asked: not logged in, they are led to where they can be.
        asked = await client.get(f"/oauth/authorize{slash}", params=app.asks())
        assert asked.status_code == 303, asked.text
        for path in ("/api/v1/instance", "/api/v2/instance", "/nodeinfo/2.0", "/.well-known/nodeinfo"):
            assert (await client.get(path + slash)).status_code == 200, path + slash


async def test_pages_of_any_origin_may_ask_where_apps_do(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/statuses", "/oauth/token", "/oauth/revoke", "/nodeinfo/2.0", "/.well-known/host-meta"):
        asked = await client.options(path, headers={"Origin": "https://phanpy.social"})
        assert asked.status_code == 204, path
        assert asked.headers["access-control-allow-origin"] == "*"
        for name in ("Authorization", "Content-Type", "Idempotency-Key"):
            assert name in asked.headers["access-control-allow-headers"]
        for method in ("PUT", "PATCH", "DELETE"):
            assert method in asked.headers["access-control-allow-methods"]
    # Pages that people are asked on are ours alone.
    assert "access-control-allow-origin" not in (await client.get("/oauth/authorize")).headers
