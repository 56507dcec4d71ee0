"""A route that reads its requests strictly: no repeated name in a query or a JSON object, and bounded sizes."""

import codecs
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, unquote_to_bytes

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Path, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from typing_extensions import override

from app.http.body import held, off_the_loop
from app.http.credentials import identify, tenant_of, tenant_source_of
from app.http.state import EdgeState
from app.model.credential import API_KEY
from app.model.refusals import InvalidRequest
from app.model.strict_json import parse

MAX_FIELDS = 2_000
"""Fields of one query or body: each wrong one becomes an error in memory."""


class StrictRoute(APIRoute):
    """Reads requests by itself, strictly (see `_Reader`), through FastAPI's hook get_route_handler().

    FastAPI makes the OpenAPI document from the endpoint's signature. Its own reading of requests by that
    signature would take as long as the rest of the request, and these routes have no dependencies to solve.
    """

    scopes: ClassVar[frozenset[str]] = frozenset()
    """The caller's credential must have one of these; checked before the body is read. None: no credential needed."""

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **options: Any) -> None:
        """endpoint: returns a Response. TypeError is raised for parameters that `_Reader` cannot read."""
        super().__init__(path, endpoint, **options)
        if self.dependencies:
            raise TypeError(f"{path}: a StrictRoute solves no dependencies")

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint: Callable[..., Awaitable[Response]] = self.endpoint
        read = _Reader(endpoint, self.param_convertors, self.scopes).read

        async def handle(request: Request[Any]) -> Response:
            if b"%" in request.scope["raw_path"]:
                _refuse_unless_utf8(request.scope["raw_path"])
            try:
                response = await endpoint(**await read(request))
            finally:
                if held := request.state["held_body_bytes"]:
                    request.state["bodies"].give_back(tenant_of(request), held)
            # A response holds records, key events or the state of the moment: a cache could show it to another caller.
            response.headers.setdefault("cache-control", "no-store")
            return response

        return handle


class _Reader:
    """Reads an endpoint's arguments: the request, names in the path, one model of the query, one of the body."""

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
        for name, hint in hints.items():
            kind, place = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, None)
            is_class = isinstance(kind, type)
            if is_class and issubclass(kind, Request):
                self._request = name
            elif isinstance(place, Query):
                self._query = name, kind
            elif is_class and issubclass(kind, BaseModel) and self._body is None:
                self._body = name, kind
            elif not (kind is str and name in names_in_path and (place is None or isinstance(place, Path))):
                raise TypeError(f"{name}: a StrictRoute does not know where to read it")

    async def read(self, request: Request[Any]) -> dict[str, Any]:
        """Return the endpoint's arguments.

        Raises the refusals of app.http.credentials.identify() before the body is read, RequestValidationError with all
        that is wrong, and HTTPException 413 for a body that is too large.
        """
        arguments: dict[str, Any] = dict(request.path_params)
        # An API key is checked first: a caller without one learns nothing else about the request.
        is_proven = self._scopes and tenant_source_of(request) == API_KEY
        if is_proven:
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


def _query_of(request: Request[Any]) -> dict[str, str]:
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
        raise InvalidRequest.field(twice, "is given more than once in the query")
    return found


_NO_BODY = object()
_JSON_MEDIA_TYPE = re.compile(r"\s*application/(json|[^/;]*\+json)\s*(;.*)?", re.IGNORECASE | re.DOTALL)


async def _body_of(request: Request[EdgeState]) -> Any:
    """Return the parsed JSON; the raw bytes if the Content-Type is not JSON; `_NO_BODY` if the body is empty."""
    body = b"".join([piece async for piece in held(request, request.state["settings"].max_body_bytes)])
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
    """Return `value` as a `model`; or add its faults to `errors`, in FastAPI's form, and return None."""
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
