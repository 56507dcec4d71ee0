"""A route that reads its requests strictly: queries that name nothing twice, JSON bodies, both bounded."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Path, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send

from app.http.allowed_methods import allowed_methods
from app.http.body import held, off_the_loop
from app.http.credentials import identify, tenant_source_of
from app.model.credential import API_KEY
from app.model.refusals import InvalidRequest
from app.model.strict_json import parse

MAX_FIELDS = 2_000
"""Of what has fields with names of ours: each that is wrong becomes an error."""


class StrictRoute(APIRoute):
    """A route that reads its requests by itself, and strictly: see `_Reader`. Its endpoint returns a Response.

    FastAPI makes the OpenAPI document from the signature of the endpoint, and would read requests by it as well. But it
    solves dependencies of any kind and depth, which takes as long as all else that the service does for a request.
    """

    scopes: ClassVar[frozenset[str]] = frozenset()
    """Of which a caller needs one before anything more is done for the request; none: anybody may call."""

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **options: Any) -> None:
        """endpoint: TypeError is raised for one that wants what cannot be read here; a header or a dependency, say."""
        super().__init__(path, endpoint, **options)
        if self.dependencies:
            raise TypeError(f"{path}: a StrictRoute solves no dependencies")
        self._read = _Reader(endpoint, self.param_convertors, self.scopes).read

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether this route answers. HEAD is answered where GET is."""
        match, child_scope = super().matches(scope)
        if match is Match.PARTIAL and scope["method"] == "HEAD" and "GET" in (self.methods or ()):
            return Match.FULL, child_scope
        return match, child_scope

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. What is raised is for the application's error handlers."""
        scope["route_template"] = self.path_format
        if b"%" in scope["raw_path"]:
            _refuse_unless_utf8(scope["raw_path"])
        method, methods = scope["method"], self.methods or ()
        if method == "HEAD" and "GET" in methods:
            send = _without_body(send)
        elif method == "OPTIONS":
            allowed = {"Allow": allowed_methods(scope["app"].routes, scope)}
            await Response(status_code=204, headers=allowed)(scope, receive, send)
            return
        elif method not in methods:
            raise HTTPException(405)
        request = Request(scope, receive)
        try:
            response = await self.endpoint(**await self._read(request))
            # Records, keys' acts and the state of the moment: no cache may keep them, and serve them to another caller.
            response.headers.setdefault("cache-control", "no-store")
            await response(scope, receive, send)
        finally:
            if held := scope.get("held_body_bytes"):
                request.app.state.bodies.give_back(scope["held_for_tenant"], held)


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head


class _Reader:
    """Reads what an endpoint is called with: the request, names in its path, a model of its query, one of its body."""

    def __init__(
        self, endpoint: Callable[..., Awaitable[Response]], names_in_path: Collection[str], scopes: frozenset[str]
    ) -> None:
        self._scopes = scopes
        self._request: str | None = None
        self._query: tuple[str, type[BaseModel]] | None = None
        self._body: tuple[str, type[BaseModel]] | None = None
        hints = get_type_hints(endpoint, include_extras=True)
        if not issubclass(hints.pop("return", object), Response):
            raise TypeError(f"{endpoint.__name__}: the endpoint of a StrictRoute returns a Response")
        for name, kind in hints.items():
            if get_origin(kind) is Annotated and isinstance(get_args(kind)[1], Path):
                kind = get_args(kind)[0]
            if kind is Request:
                self._request = name
            elif get_origin(kind) is Annotated and isinstance(get_args(kind)[1], Query):
                self._query = name, get_args(kind)[0]
            elif isinstance(kind, type) and issubclass(kind, BaseModel) and self._body is None:
                self._body = name, kind
            elif not (kind is str and name in names_in_path):
                raise TypeError(f"{name}: a StrictRoute does not know where to read it")

    async def read(self, request: Request) -> dict[str, Any]:
        """Return the endpoint's arguments.

        Raises what app.http.credentials.identify() raises before the body is read; RequestValidationError, which names
        everything that is wrong, and HTTPException 413 for a large body.
        """
        arguments: dict[str, Any] = dict(request.path_params)
        # Before anything else is looked at: who holds no key learns nothing of what else is wrong.
        is_proven = self._scopes and tenant_source_of(request) == API_KEY
        if self._scopes and is_proven:
            await identify(request, self._scopes)
        query = _query_of(request)
        if self._scopes and (not is_proven or "tenant_id" in query):
            await identify(request, self._scopes, query.get("tenant_id"))
        errors: list[dict[str, Any]] = []
        body = await _body_of(request) if self._body else None
        if self._query:
            name, model = self._query
            arguments[name] = _validated(model, query, "query", errors)
        if self._body:
            name, model = self._body
            arguments[name] = _validated(model, body, "body", errors)
        if errors:
            raise RequestValidationError(errors)
        if self._request:
            arguments[self._request] = request
        return arguments


def _query_of(request: Request) -> dict[str, str]:
    query: bytes = request.scope["query_string"]
    if not query:
        return {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest.field("query", "is not UTF-8, percent-encoded") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise InvalidRequest.field(twice, "stands twice in the query")
    return found


_NO_BODY = object()
_JSON_MEDIA_TYPE = re.compile(r"\s*application/(json|[^/;]*\+json)\s*(;.*)?", re.IGNORECASE | re.DOTALL)


async def _body_of(request: Request) -> Any:
    """Return the value that the body is, `_NO_BODY` for none, and what is not said to be JSON as bytes."""
    body = b"".join([piece async for piece in held(request, request.app.state.max_body_bytes)])
    if not body:
        return _NO_BODY
    if not _JSON_MEDIA_TYPE.fullmatch(request.headers.get("content-type", "")):
        return body
    try:
        return await off_the_loop(request, parse, body.removeprefix(codecs.BOM_UTF8))
    except json.JSONDecodeError as error:
        found = {"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}}
        raise RequestValidationError([found]) from None


def _refuse_unless_utf8(raw_path: bytes) -> None:
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise InvalidRequest.field("path", "is not UTF-8, percent-encoded") from None


def _validated(model: type[BaseModel], value: object, place: str, errors: list[dict[str, Any]]) -> BaseModel | None:
    """Return `value` as a `model`; or add what is wrong with it to `errors`, as FastAPI says it, and return None."""
    if isinstance(value, dict) and len(value) > MAX_FIELDS:
        errors.append({"type": "too_long", "loc": (place,), "msg": f"At most {MAX_FIELDS} fields are read"})
        return None
    if value is _NO_BODY:
        errors.append({"type": "missing", "loc": (place,), "msg": "Field required"})
        return None
    try:
        return model.model_validate(value, from_attributes=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        errors.extend({**each, "loc": (place, *each["loc"])} for each in found)
        return None
