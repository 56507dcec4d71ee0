"""One execution of an agent: the record `started`, the outcome, and what is said in between."""

import logging
import secrets
import time
from typing import Any

from ringfence import _records
from ringfence._errors import Denied

logger = logging.getLogger("ringfence")


class Execution:
    """What `audit.execution(...)` gives to the block below it.

    trace_id: ties the two records together. context: may be added to until the block ends; the outcome carries it.
    http_status: of the call, where there is one. A block that ends is recorded as success. One that an exception ends
    is recorded as error, with the exception's class alone: its message may hold a prompt or a person. fail() and
    deny() say more.
    """

    def __init__(
        self,
        agent: str,
        *,
        user: str | None = None,
        mode: _records.Mode = "LIVE",
        trace_id: str | None = None,
        context: _records.Context | None = None,
    ) -> None:
        """Make what the record `started` holds. Raises ValueError for what the service would refuse."""
        self.trace_id = trace_id or secrets.token_hex(16)
        self.context: dict[str, str | int | float | bool] = dict(context or {})
        self.http_status: int | None = None
        self._fixed: dict[str, Any] = {"agent": agent, "user": user, "mode": mode, "trace_id": self.trace_id}
        self._status, self._error = "success", ""
        self._began = time.monotonic()
        self.started = _records.new_record(status="started", context=self.context, **self._fixed)

    def __repr__(self) -> str:
        return f"<ringfence execution {self.trace_id}>"

    def begin(self) -> None:
        """Begin to count: the record `started` is stored."""
        self._began = time.monotonic()

    def fail(self, error: str) -> None:
        """Have the outcome recorded as an error, in your words: no input, no answer, no person, no secret.

        error: at most 2,000 characters; more is cut.
        """
        self._status, self._error = "error", error

    def deny(self, reason: str, *, policy_id: str | None = None, reason_code: str | None = None) -> None:
        """Have the outcome recorded as denied. reason: as for fail(); the other two go into the context."""
        self._status, self._error = "denied", reason
        codes = {"policy_id": policy_id, "reason_code": reason_code}
        self.context.update({name: code for name, code in codes.items() if code is not None})

    def outcome(self, exception: BaseException | None) -> str:
        """Return the record of the outcome. exception: what ended the block.

        What has been added and cannot be sent is left out, since the outcome must not be lost over it; the log says so.
        """
        if isinstance(exception, Denied):
            self.deny(str(exception), policy_id=exception.policy_id, reason_code=exception.reason_code)
        elif exception is not None and self._status == "success":
            self.fail(class_name(exception))
        latency_ms = min(int((time.monotonic() - self._began) * 1000), 2**31 - 1)
        known = {"status": self._status, "error": self._error or None, "latency_ms": latency_ms, **self._fixed}
        try:
            return _records.new_record(http_status=self.http_status, context=self.context, **known)
        except ValueError as error:
            logger.error("an outcome is recorded without context and http_status: %s", error)
            return _records.new_record(**known)


def class_name(exception: BaseException) -> str:
    """Return ValueError, or httpx.ReadTimeout: the class of an exception, without its message."""
    kind = type(exception)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
