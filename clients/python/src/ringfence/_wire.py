"""Requests and answers, the same for both clients: what is sent, and what an answer means."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from ringfence._destination import Destination
from ringfence._errors import (
    PREFIX,
    Forbidden,
    InvalidRequest,
    NotTheService,
    Problem,
    Unauthenticated,
    Unavailable,
)
from ringfence._version import VERSION

LOGS = "/api/v1/audit/logs"
EXPORT = "/api/v1/audit/logs/export"
_CLASSES: dict[int, type[Problem]] = {401: Unauthenticated, 403: Forbidden, 422: InvalidRequest}
_MAY_BE_TRIED_AGAIN = {408, 425, 429, 500, 502, 503, 504}
"""500 too: nothing was acknowledged then, and under the same id a record is stored once."""
_ABOUT_THE_PATH = (404, 405)
"""What the service answers to a record at a path of another name. It says nothing about the record."""


class QuietURL(httpx.URL):
    """A URL whose text has no query: httpx logs each URL, and filters may name people."""

    def __str__(self) -> str:
        return str(httpx.URL(self).copy_with(query=None))

    def __repr__(self) -> str:
        return f"QuietURL({str(self)!r})"


def client_options(to: Destination, timeout: float) -> dict[str, Any]:
    """Return how httpx.Client and httpx.AsyncClient are made. timeout: seconds, of each step of a request."""
    headers = {"Authorization": f"Bearer {to.api_key}", "User-Agent": f"ringfence-python/{VERSION}"}
    return {
        "base_url": to.url, "headers": headers, "timeout": timeout, "follow_redirects": False,
        "trust_env": to.trust_environment,
    }  # fmt: skip


def body_of(records: Sequence[str]) -> dict[str, Any]:
    """Return how records, each as JSON text, are sent: one as it is, several as an array."""
    text = records[0] if len(records) == 1 else f"[{','.join(records)}]"
    return {"content": text.encode(), "headers": {"Content-Type": "application/json"}}


def quiet(request: httpx.Request) -> httpx.Request:
    """Return the request, whose query is sent but not logged."""
    request.url = QuietURL(request.url)
    return request


def stored_for(answer: httpx.Response, count: int) -> str:
    """Return the tenant for which the service has stored `count` records. Raises what refuse() raises.

    Only an answer of the service itself counts, and not the page of a proxy in front of it, whatever its status. Of the
    service's refusals, those of the status 500 and above are Unavailable, since none is about a record.
    """
    try:
        refuse(answer, 201)
    except Problem as problem:
        if problem.status in _ABOUT_THE_PATH:
            raise not_the_service(answer) from problem
        if problem.status >= 500:
            raise _unavailable(problem) from problem
        raise
    body = _object(answer)
    if body.get("count") != count or not isinstance(body.get("tenant_id"), str):
        raise not_the_service(answer)
    return str(body["tenant_id"])


def page_of(answer: httpx.Response) -> Mapping[str, Any]:
    """Return a page of a list. Raises what refuse() raises."""
    refuse(answer)
    page = _object(answer)
    if not isinstance(page.get("items"), list) or not isinstance(page.get("has_more"), bool):
        raise not_the_service(answer)
    return page


def refuse_export(answer: httpx.Response) -> None:
    """Raise what refuse() raises unless an export begins. An answer that is refused has to be read already."""
    refuse(answer)
    if answer.headers.get("Content-Type", "").partition(";")[0] not in ("application/x-ndjson", "text/csv"):
        raise not_the_service(answer)


def refuse(answer: httpx.Response, expected: int = 200) -> None:
    """Return if the status is the expected one.

    Raises Unavailable where the same request may succeed later, NotTheService for a refusal that is no problem of the
    service, and Problem for any other.
    """
    if answer.status_code == expected:
        return
    problem = _CLASSES.get(answer.status_code, Problem)(answer.status_code, _object(answer))
    is_ours = problem.type.startswith(PREFIX)
    if answer.status_code in _MAY_BE_TRIED_AGAIN or (answer.status_code >= 500 and not is_ours):
        raise _unavailable(problem)
    if not is_ours:
        raise not_the_service(answer)
    raise problem


def unreachable(error: httpx.HTTPError) -> Unavailable:
    """Return what a failure of the connection means. Its kind alone is said."""
    return Unavailable(f"the service could not be reached: {type(error).__name__}")


def not_the_service(answer: httpx.Response) -> NotTheService:
    """Return what an answer means that cannot be the service's. It names the URL, without the query."""
    url = answer.url.copy_with(query=None)
    return NotTheService(
        f"the answer {answer.status_code} of {url} is not the service's: url, or RINGFENCE_URL, names something else,"
        " or a proxy in between answers"
    )


def _unavailable(problem: Problem) -> Unavailable:
    return Unavailable(f"the service answered {problem.status} {problem.kind}", problem)


def _object(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
