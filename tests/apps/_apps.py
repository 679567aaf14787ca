"""An app's way in as a person walks it: the page that asks, the log-in, the yes. Over real sockets."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import requests
from mastodon import Mastodon

from tests.flows._linnet_process import Person
from tests.http.mastodon_published import answer_faults
from tests.http.page_world import Page

SCOPES = ["read", "write", "follow", "push"]
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


def let_in(address: str, person: Person, *, answer: str = "yes") -> httpx.Response:
    """What the browser is answered in the end. ``address`` is where the app sends it."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": origin}
    with httpx.Client(base_url=origin, headers=headers, timeout=60) as browser:
        asked = browser.get(address)
        assert asked.status_code == 303, asked.text
        form = Page(browser.get(asked.headers["location"])).form("/login")
        typed = {**form.fields(), "login": person.name, "password": "correct horse"}
        back = browser.post("/login", data=typed)
        assert back.status_code == 303, back.text
        consent = Page(browser.get(back.headers["location"]))
        assert consent.status == 200, consent.root.text
        form = consent.form("/oauth/authorize")
        return browser.post("/oauth/authorize", data={**form.fields(), "answer": answer})


def code_shown(answered: httpx.Response) -> str:
    """The code of a page that shows one, or of an address that has one in it."""
    if answered.status_code == 303:
        [code] = parse_qs(urlsplit(answered.headers["location"]).query)["code"]
        return code
    return Page(answered).root.one(id="code").text


def _look_at(response: requests.Response, *_: Any, **__: Any) -> None:
    """Whatever it is answered is as it was published."""
    if response.headers.get("Content-Type", "").startswith("application/json"):
        path = urlsplit(response.url).path
        found = answer_faults(str(response.request.method), path, response.status_code, response.content)
        assert not found, f"{path}: {found[:5]}"


def mastodon_of(url: str, person: Person, scopes: list[str] = SCOPES) -> Mastodon:
    """Mastodon.py, registered and let in."""
    client_id, client_secret = Mastodon.create_app(
        "A bot", scopes=scopes, api_base_url=url, website="https://bot.example"
    )
    session = requests.Session()
    session.hooks["response"].append(_look_at)
    api = Mastodon(client_id=client_id, client_secret=client_secret, api_base_url=url, session=session)
    address = api.auth_request_url(scopes=scopes, allow_http=True)
    api.log_in(code=code_shown(let_in(address, person)), scopes=scopes, allow_http=True)
    return api
