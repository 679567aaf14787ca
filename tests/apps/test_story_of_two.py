"""Two people and their apps: everything that Mastodon.py does on the way of a tweet, over real sockets."""

from collections.abc import Iterator

import pytest

from tests.apps._apps import mastodon_of
from tests.support.servers import Servers
from tests.web._site import WebSite, open_web_site


@pytest.fixture(scope="module")
def site(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebSite]:
    with open_web_site(servers, tmp_path_factory.mktemp("mastodon")) as site:
        yield site


def test_two_people_meet_through_their_apps(site: WebSite) -> None:
    ada, ben = site.sign_up("ada"), site.sign_up("ben")
    adas, bens = mastodon_of(site.url, ada), mastodon_of(site.url, ben)
    assert adas.app_verify_credentials()["name"] == "A bot"
    me = adas.account_verify_credentials()
    assert (me["username"], me["acct"], me["url"]) == ("ada", "ada", f"{site.url}/@ada")

    posted = adas.status_post("Fresh #bread,\nthe best of @ben https://bread.example/a?b=c&d=e")
    assert posted["account"]["username"] == "ada"
    assert posted["url"] == f"{site.url}/@ada/{posted['id']}"
    assert [tag["name"] for tag in posted["tags"]] == ["bread"]
    site.settle()
    relationship = bens.account_follow(me["id"])
    assert relationship["following"]
    assert [status["id"] for status in bens.timeline_home()] == [posted["id"]]
