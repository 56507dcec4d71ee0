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
from pydantic import BaseModel, BeforeValidator, ValidationError, create_model
from pydantic_core import PydanticCustomError
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
    max_body_bytes: ClassVar[int | None] = None
    """Of a body that is no record; None: as the settings say."""

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **options: Any) -> None:
        """endpoint: returns a Response. TypeError is raised for parameters that `_Reader` cannot read."""
        super().__init__(path, endpoint, **options)
        if self.dependencies:
            raise TypeError(f"{path}: a StrictRoute solves no dependencies")

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint: Callable[..., Awaitable[Response]] = self.endpoint
        read = _Reader(endpoint, self.param_convertors, self.scopes, self.max_body_bytes).read

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
        self,
        endpoint: Callable[..., Awaitable[Response]],
        names_in_path: Collection[str],
        scopes: frozenset[str],
        max_body_bytes: int | None,
    ) -> None:
        self._scopes = scopes
        self._max_body_bytes = max_body_bytes
        self._request: str | None = None
        self._names: dict[str, str] = {}  # of the arguments from query and body
        models: dict[str, Any] = {}
        hints = get_type_hints(endpoint, include_extras=True)
        if not issubclass(hints.pop("return", object), Response):
            raise TypeError(f"{endpoint.__name__}: the endpoint of a StrictRoute returns a Response")
        for name, hint in hints.items():
            kind, place = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, None)
            is_class = isinstance(kind, type)
            if is_class and issubclass(kind, Request):
                self._request = name
            elif isinstance(place, Query):
                self._names["query"], models["query"] = name, Annotated[kind, BeforeValidator(_few_fields)]
            elif is_class and issubclass(kind, BaseModel) and "body" not in models:
                self._names["body"], models["body"] = name, Annotated[kind, BeforeValidator(_few_fields)]
            elif not (kind is str and name in names_in_path and (place is None or isinstance(place, Path))):
                raise TypeError(f"{name}: a StrictRoute does not know where to read it")
        in_order: dict[str, Any] = {place: models[place] for place in ("query", "body") if place in models}
        self._model: type[BaseModel] = create_model(endpoint.__name__, **in_order)

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
        given = {"query": query, **(await self._body(request) if "body" in self._names else {})}
        try:
            found = self._model.model_validate(given, from_attributes=True)
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_url=False, include_input=False)) from None
        arguments.update((name, getattr(found, place)) for place, name in self._names.items())
        if self._request:
            arguments[self._request] = request
        return arguments

    async def _body(self, request: Request[EdgeState]) -> dict[str, Any]:
        return await _body_of(request, self._max_body_bytes or request.state["settings"].max_body_bytes)


def _few_fields(value: object) -> object:
    if isinstance(value, dict) and len(value) > MAX_FIELDS:
        raise PydanticCustomError("too_long", f"At most {MAX_FIELDS} fields are read")
    return value


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


_JSON_MEDIA_TYPE = re.compile(r"\s*application/(json|[^/;]*\+json)\s*(;.*)?", re.IGNORECASE | re.DOTALL)


async def _body_of(request: Request[EdgeState], max_bytes: int) -> dict[str, Any]:
    """Return {"body": the parsed JSON}, or the raw bytes if the Content-Type is not JSON; {} if the body is empty."""
    body = b"".join([piece async for piece in held(request, max_bytes)])
    if not body:
        return {}
    if not _JSON_MEDIA_TYPE.fullmatch(request.headers.get("content-type", "")):
        return {"body": body}
    try:
        return {"body": await off_the_loop(request, parse, body.removeprefix(codecs.BOM_UTF8))}
    except json.JSONDecodeError as error:
        found = {"type": "json_invalid", "loc": ("body", error.pos), "ctx": {"error": error.msg}}
        raise RequestValidationError([found]) from None


def _refuse_unless_utf8(raw_path: bytes) -> None:
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise InvalidRequest.field("path", "is not UTF-8, percent-encoded") from None
