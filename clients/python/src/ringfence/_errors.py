"""What this package raises. No message holds a key, or anything that a record holds."""

from collections.abc import Mapping, Sequence
from typing import Any

PREFIX = "urn:ringfence:problem:"


class RingfenceError(Exception):
    """The base of all that this package raises, but for ValueError, which is about arguments."""


class Problem(RingfenceError):
    """The service refused a request; an RFC 9457 problem.

    type: stable, for programs: urn:ringfence:problem:scope-missing, for one (docs/http.md of the service has all).
    kind: its last part. detail: for people. errors: the fields that are wrong, each {"field", "detail"}, with the
    "index" of its record where several were sent.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        """status: of HTTP. body: the problem's members."""
        self.status = status
        self.type = str(body.get("type", "about:blank"))
        self.kind = self.type.removeprefix(PREFIX)
        self.detail = str(body.get("detail", ""))
        self.trace_id = str(body.get("trace_id", ""))
        self.errors: Sequence[Mapping[str, Any]] = body.get("errors") or ()
        super().__init__(f"{status} {self.kind}: {self.detail}")


class Unauthenticated(Problem):
    """The API key is unknown, expired or revoked."""


class Forbidden(Problem):
    """The API key may not do this: `kind` says why; scope-missing, for one."""


class InvalidRequest(Problem):
    """A record or a filter breaks a rule; `errors` names the fields."""


class Unavailable(RingfenceError):
    """The service could not be reached, did not answer in time, or could not store anything. It may be tried again.

    problem: what it answered, where it did.
    """

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        """message: why, in a few words."""
        self.problem = problem
        super().__init__(message)


class NotTheService(Unavailable):
    """Something else answered: the URL is wrong, or a proxy stands in between and shows a page of its own.

    The message names the URL. Nothing that was sent is taken for stored.
    """


class NotRecorded(RingfenceError):
    """A record could be neither sent nor spooled. Raised before the work begins, it means: nothing was done."""


class OutcomeNotRecorded(NotRecorded):
    """The work was done, and its outcome could be neither sent nor spooled. The record `started` exists."""


class ExportIncomplete(RingfenceError):
    """An export was cut: its last line, which says that it is complete, did not arrive."""


class Denied(Exception):
    """For callers to raise inside of an execution: it is recorded as denied, and raised on.

    The message becomes the record's `error`, so put no personal data into it. policy_id: the rule that refused;
    reason_code: why, as a code. Both go into the record's context.
    """

    def __init__(
        self, message: str = "denied", *, policy_id: str | None = None, reason_code: str | None = None
    ) -> None:
        """message: why, at most 2,000 characters."""
        self.policy_id = policy_id
        self.reason_code = reason_code
        super().__init__(message)
