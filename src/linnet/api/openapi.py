"""The OpenAPI 3.1 document, written from the endpoints.

Schemas come from the very structs that are encoded and decoded, summaries and descriptions from the handlers'
docstrings, the possible problems from the error classes: what is said in one place only cannot be out of date.
"""

import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from linnet.api.auth import InvalidToken
from linnet.api.bodies import FORM
from linnet.api.endpoints import PICTURE_MEDIA_TYPES, Endpoint, HeaderDoc, OneOf, Success
from linnet.api.limits import LIMIT_HEADERS
from linnet.api.params import CURSOR
from linnet.api.problems import (
    MEDIA_TYPE,
    BodyTooLarge,
    BodyTooSlow,
    MalformedForm,
    MalformedJson,
    NotAPicture,
    NotJson,
    Problem,
    ProblemType,
    Refused,
    headers_of,
    problem_of,
    status_of,
)
from linnet.api.services import ApiOptions
from linnet.domain.attachments import ATTACHMENT_FILES
from linnet.domain.avatars import AVATAR_SIDES, avatar_file
from linnet.errors import FieldError, Invalid, Limited, LinnetError, Unauthenticated, Unavailable
from linnet.read.timelines.thread import ThreadView
from linnet.read.views.pages import PageView
from linnet.read.views.tweets import DeletedTweetView, TweetView

Json = dict[str, Any]

_REFS = "#/components/schemas/{name}"
_TOKEN = "token"
_PATH_PARAMETERS: dict[str, Json] = {
    "user_id": {"schema": CURSOR, "description": "Whose: a user's id."},
    "tweet_id": {"schema": CURSOR, "description": "A tweet's id."},
    "filter_id": {"schema": CURSOR, "description": "One of one's filters."},
    "conversation_id": {"schema": CURSOR, "description": "One of one's conversations: the id of its first tweet."},
    "list_id": {"schema": CURSOR, "description": "One of one's lists."},
    "session_id": {"schema": CURSOR, "description": "A session's id."},
    "attachment_id": {"schema": CURSOR, "description": "A picture's id."},
    "attachment": {
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "description": "What its files are called, as `url` has it.",
    },
    "file": {
        "schema": {"type": "string", "enum": list(ATTACHMENT_FILES)},
        "description": "All of it, or a preview.",
    },
    "avatar": {
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "description": "A picture's name, as `avatar_url` has it.",
    },
    "size": {
        "schema": {"type": "string", "enum": [avatar_file(side) for side in AVATAR_SIDES]},
        "description": "How large, in pixels.",
    },
    "bird": {
        "schema": {"type": "string", "pattern": r"^[1-9][0-9]{0,18}\.svg$"},
        "description": "A user's id, and what kind of picture it is.",
    },
    "username": {"schema": {"type": "string", "minLength": 1}, "description": "In letters of any case."},
    "tag": {"schema": {"type": "string", "minLength": 1}, "description": "With or without its sign, in any spelling."},
}
_HEADERS = {
    "Retry-After": "After how many seconds to try again.",
    "WWW-Authenticate": "How to say who one is.",
}

_SHARED_HEADERS: Json = {name: {"$ref": f"#/components/headers/{name}"} for name in LIMIT_HEADERS}

TAGS = {
    "about": "What this place is, and telling whoever runs it about others.",
    "users": "Accounts, profiles, and the lists that belong to a person.",
    "sessions": "Logging in and out.",
    "me": "One's own account.",
    "follows": "Following people.",
    "blocks": "Keeping people away: blocking and muting.",
    "tags": "Hashtags: which trend, and who writes them.",
    "search": "Finding tweets, people and tags.",
    "tweets": "Posting, answering, reading, deleting, retweeting.",
    "likes": "Liking tweets, and pinning one's own.",
    "polls": "Voting in the polls that tweets may have. What one chose is seen by oneself alone.",
    "attachments": "Pictures for tweets: uploaded first, then described, then named by a tweet.",
    "bookmarks": "What one put by for later, which nobody else knows of.",
    "conversations": "Direct tweets, which are for whom they mention; and what one wants to hear no more of.",
    "lists": "People whose tweets one reads by themselves.",
    "filters": "What one would rather not read.",
    "media": "Pictures. What lies at an address never changes, so that it need not be asked for twice.",
    "timelines": "What those one follows have posted.",
    "stream": "The same, as it happens.",
    "notifications": "What others did that concerns one.",
    "other spellings": "The same handlers at addresses that other interfaces use.",
    "operations": "For those who run the server.",
}

INTRODUCTION = """\
Ids are strings of digits, times are RFC 3339 in UTC, offsets into texts count code points. Say who you are with
`Authorization: Bearer TOKEN`; tokens come from signing up and logging in.

Lists come in pages: `{"items": […], "next": …, "prev": …}`. Give `next` as `?before=` for what follows, until it is
null; give `prev` as `?after=` for what is newer. A page stays what it is while new items arrive.

Whatever goes wrong is answered as problem JSON (RFC 9457) with a stable `code`; `errors` names each field of an input
that is not right. `PUT` and `DELETE` can be repeated; `POST` of a tweet can with an `Idempotency-Key`. Every `GET` may
be a `HEAD`, and every answer carries an `X-Request-Id` to name when asking for help.

How often things may be done is limited: for a user, or for an address as long as nobody is logged in. The `RateLimit-*`
headers of an answer say how the limits stand that it counted under. Whoever does too much is answered 429 with a
`Retry-After`; what was refused, or could not be read, does not count.
"""


def problem_types(endpoints: Iterable[Endpoint]) -> list[ProblemType]:
    """Every kind of problem that some endpoint can answer, by status and code."""
    found = {problem for endpoint in endpoints for problem in problems_of(endpoint)}
    return sorted(found, key=lambda problem: (status_of(problem), problem.code))


def problems_of(endpoint: Endpoint) -> list[ProblemType]:
    """What an endpoint can answer when not all is well."""
    problems: list[ProblemType] = [*endpoint.problems, Invalid, LinnetError]
    if endpoint.body is not None:
        problems += [Refused, MalformedJson, BodyTooSlow, BodyTooLarge, NotJson]
    if endpoint.takes_picture:
        problems += [Refused, MalformedForm, BodyTooSlow, BodyTooLarge, NotAPicture]
    if endpoint.access == "user":
        problems.append(Unauthenticated)
    if endpoint.access != "everyone":
        problems.append(InvalidToken)
    if endpoint.limit:
        problems.append(Limited)
    if endpoint.tag != "operations":
        problems.append(Unavailable)
    return sorted(set(problems), key=lambda problem: (status_of(problem), problem.code))


def build_document(endpoints: Sequence[Endpoint], options: ApiOptions) -> Json:
    """The document, as plain data."""
    schemas = _Schemas()
    paths: Json = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "linnet",
            "version": options.version,
            "summary": "A microblogging server.",
            "description": INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": options.public_url or "/"}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "headers": {
                name: {"schema": {"type": "string"}, "description": description, "example": example}
                for name, (description, example) in LIMIT_HEADERS.items()
            },
            "securitySchemes": {_TOKEN: {"type": "http", "scheme": "bearer"}},
        },
    }


def summary_of(endpoint: Endpoint) -> tuple[str, str]:
    """The first line of the handler's docstring, and the paragraphs of the rest, one on a line."""
    summary, _, rest = (inspect.getdoc(endpoint.handler) or "").partition("\n")
    paragraphs = (" ".join(paragraph.split()) for paragraph in rest.split("\n\n"))
    return summary, "\n\n".join(filter(None, paragraphs))


def _operation(endpoint: Endpoint, schemas: "_Schemas") -> Json:
    summary, description = summary_of(endpoint)
    operation: Json = {
        "operationId": endpoint.operation_id,
        "tags": [endpoint.tag],
        "summary": summary,
        "description": description,
        "security": {"everyone": [], "viewer": [{}, {_TOKEN: []}], "user": [{_TOKEN: []}]}[endpoint.access],
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.body is not None:
        media = {"schema": schemas.of(endpoint.body), "example": msgspec.to_builtins(endpoint.body_example)}
        operation["requestBody"] = {"required": True, "content": {"application/json": media}}
    if endpoint.takes_picture:
        file = {"type": "string", "format": "binary"}
        form = {"type": "object", "properties": {"picture": file}, "required": ["picture"]}
        content = {**{name: {"schema": file} for name in PICTURE_MEDIA_TYPES}, FORM: {"schema": form}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(endpoint: Endpoint) -> list[Json]:
    in_path = [
        {"name": name, "in": "path", "required": True, **_PATH_PARAMETERS[name]}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    in_query = [
        {
            "name": parameter.name,
            "in": "query",
            "required": False,
            "schema": parameter.schema,
            "description": parameter.description,
        }
        for parameter in endpoint.query
    ]
    in_headers = [
        {"name": header.name, "in": "header", "required": False, **_header(header)} for header in endpoint.headers
    ]
    return [*in_path, *in_query, *in_headers]


def _header(header: HeaderDoc) -> Json:
    schema: Json = {"type": "string"}
    if header.pattern:
        schema["pattern"] = header.pattern
    return {"schema": schema, "description": header.description, "example": header.example}


def _responses(endpoint: Endpoint, schemas: "_Schemas") -> Json:
    responses: Json = {str(endpoint.success.status): _success(endpoint.success, schemas)}
    if endpoint.failure is not None:
        responses[str(endpoint.failure.status)] = _success(endpoint.failure, schemas)
    by_status: dict[int, list[ProblemType]] = {}
    for problem in problems_of(endpoint):
        by_status.setdefault(status_of(problem), []).append(problem)
    for status, problems in by_status.items():
        responses[str(status)] = _problem_response(endpoint, problems, schemas)
    if endpoint.limit:
        for response in responses.values():
            response["headers"] = response.get("headers", {}) | _SHARED_HEADERS
    return responses


def _success(success: Success, schemas: "_Schemas") -> Json:
    response: Json = {"description": success.description}
    if success.headers:
        response["headers"] = {header.name: {"required": True, **_header(header)} for header in success.headers}
    if success.body is bytes:
        response["content"] = {success.media_type: {"schema": {"type": "string", "format": "binary"}}}
    elif success.body is not None:
        media: Json = {"schema": schemas.of(success.body)}
        if success.example is not None:
            media["example"] = msgspec.to_builtins(success.example)
        response["content"] = {success.media_type: media}
    return response


def _problem_response(endpoint: Endpoint, problems: list[ProblemType], schemas: "_Schemas") -> Json:
    errors = [_instance(problem, endpoint) for problem in problems]
    names = {name for error in errors for name in headers_of(error)}
    response: Json = {
        "description": " Or: ".join(problem.public_sentence() for problem in problems),
        "content": {
            MEDIA_TYPE: {
                "schema": schemas.of(Problem),
                "examples": {error.code: {"value": msgspec.to_builtins(problem_of(error))} for error in errors},
            }
        },
    }
    if names:
        response["headers"] = {
            name: {"required": True, "schema": {"type": "string"}, "description": _HEADERS[name]}
            for name in sorted(names)
        }
    return response


def field_error_of(endpoint: Endpoint) -> FieldError:
    """A mistake that can be made there, and what the endpoint says of it."""
    for parameter in endpoint.query:
        if parameter.schema["type"] == "integer":
            least, most = parameter.schema["minimum"], parameter.schema["maximum"]
            return FieldError(parameter.name, f"This must be a number from {least} to {most}.")
    if endpoint.body is not None:
        return FieldError("colour", "There is no such field here.")
    return FieldError("colour", "There is no such parameter here.")


def _instance(problem: ProblemType, endpoint: Endpoint) -> LinnetError | Refused:
    if problem is Invalid:
        return Invalid((field_error_of(endpoint),))
    if problem is Unavailable:
        return Unavailable("")
    if problem is Limited:
        return Limited(60)
    return problem()


class _Schemas:
    """Collects the schemas of the types that operations name."""

    def __init__(self) -> None:
        self._components: Json = {}

    def of(self, body: Any) -> Json:
        """The schema of a type; a reference if it is a struct."""
        if isinstance(body, OneOf):
            # Not "oneOf": an empty page is a page of anything.
            return {"anyOf": [self.of(part) for part in body.types]}
        if body is ThreadView:
            return self._thread()
        (schema,), components = msgspec.json.schema_components([body], ref_template=_REFS)
        self._components |= components
        return schema

    def components(self) -> Json:
        return dict(sorted(self._components.items()))

    def _thread(self) -> Json:
        # msgspec has no schema for a union of two structs that nothing but their fields tells apart.
        ancestor = {"oneOf": [self.of(TweetView), self.of(DeletedTweetView)]}
        self._components["ThreadView"] = {
            "title": "ThreadView",
            "description": inspect.getdoc(ThreadView),
            "type": "object",
            "properties": {
                "ancestors": {"type": "array", "items": ancestor},
                "tweet": self.of(TweetView),
                "replies": self.of(PageView[TweetView]),
            },
            "required": ["ancestors", "tweet", "replies"],
        }
        return {"$ref": _REFS.format(name="ThreadView")}
