"""The documentation: the OpenAPI document, and a page to read it on.

The page is HTML made here, with one style sheet inside it: no script, nothing from anywhere else.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from linnet.api.answers import Answer, text_answer
from linnet.api.endpoints import Call, Endpoint, Success
from linnet.api.openapi import build_document, problem_types
from linnet.api.problems import FRAMEWORK_PROBLEMS, status_of
from linnet.api.services import ApiOptions

# Asked for again each time: what it says is what this version does.
_CACHE_CONTROL = b"no-cache"


def docs_endpoints(endpoints: Sequence[Endpoint], options: ApiOptions) -> tuple[Endpoint, ...]:
    """The routes that describe ``endpoints``, and the front door. Each page is written when it is first asked for."""

    @cache
    def document() -> dict[str, Any]:
        return build_document(endpoints, options)

    @cache
    def page() -> tuple[bytes, bytes]:
        return _render(document(), endpoints)

    async def get_openapi(call: Call) -> Answer:
        """Read the OpenAPI document"""
        return text_answer(msgspec.json.encode(document()), "application/json", cache_control=_CACHE_CONTROL)

    async def get_docs(call: Call) -> Answer:
        """Read the documentation"""
        body, policy = page()
        return text_answer(
            body,
            "text/html; charset=utf-8",
            (b"content-security-policy", policy),
            (b"referrer-policy", b"no-referrer"),
            cache_control=_CACHE_CONTROL,
        )

    return (
        Endpoint(
            "GET", "/api/openapi.json", get_openapi, "documentation", Success("The document."), "everyone", limit=""
        ),
        Endpoint("GET", "/api/docs", get_docs, "documentation", Success("The page."), "everyone", limit=""),
    )


def _render(document: dict[str, Any], endpoints: Sequence[Endpoint]) -> tuple[bytes, bytes]:
    """The page, and the policy that lets a browser load nothing but what is in it."""
    style = _read("docs.css")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters.update(prose=_prose, type_name=_type_name, pretty=_pretty, code=_code)
    html = environment.from_string(_read("docs.html")).render(
        document=document,
        groups=_groups(document),
        problems=_problems(endpoints),
        style=Markup(style),  # ours, from the package
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html.encode(), policy.encode()


def _read(name: str) -> str:
    return resources.files("linnet.api").joinpath("pages", name).read_text(encoding="utf-8")


def _groups(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Tags with their operations, in the order of the document."""
    operations = [
        {
            "method": method.upper(),
            "path": path,
            **operation,
            "responses": {status: _without_shared(response) for status, response in operation["responses"].items()},
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return [
        {**tag, "operations": [operation for operation in operations if tag["name"] in operation["tags"]]}
        for tag in document["tags"]
    ]


def _without_shared(response: dict[str, Any]) -> dict[str, Any]:
    """A response without the headers that most have in common: the introduction speaks of those."""
    own = {name: header for name, header in response.get("headers", {}).items() if "$ref" not in header}
    rest = {key: value for key, value in response.items() if key != "headers"}
    return rest | ({"headers": own} if own else {})


def _problems(endpoints: Sequence[Endpoint]) -> list[tuple[int, str, str]]:
    """Status, code and sentence of every problem that an answer can name."""
    named = {(status_of(kind), kind.code, kind.public_sentence()) for kind in problem_types(endpoints)}
    return sorted(named | {(status, code, sentence) for status, (code, sentence) in FRAMEWORK_PROBLEMS.items()})


def _prose(text: str) -> Markup:
    """Paragraphs at blank lines, code between backticks."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return Markup("").join(Markup("<p>%s</p>") % _code(paragraph) for paragraph in paragraphs if paragraph)


def _code(text: str) -> Markup:
    return Markup(re.sub("`+([^`]+)`+", r"<code>\1</code>", str(escape(text))))


def _type_name(schema: dict[str, Any]) -> Markup:
    """A schema in a word or two, with links to the structs it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return Markup(" or ").join(_type_name(part) for part in schema[union])
    if schema.get("type") == "array":
        return Markup("list of ") + _type_name(schema["items"])
    if schema.get("format") == "binary":
        return Markup("a file")
    return escape(schema.get("type", "anything"))


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
