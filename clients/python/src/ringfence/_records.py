"""Records as they are sent: checked here, since a record that is spooled is refused too late.

The rules are the service's. tests/unit/test_client_rules.py of the service's repository holds the two equal.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from ringfence._ids import new_id

Mode = Literal["LIVE", "DRY_RUN"]
Status = Literal["started", "success", "error", "denied"]
Context = Mapping[str, "str | int | float | bool"]

MODES = ("DRY_RUN", "LIVE")
STATUSES = ("started", "success", "error", "denied")
CONTEXT_NAMES = (
    "gen_ai.agent.version", "gen_ai.request.model", "gen_ai.tool.name", "gen_ai.conversation.id", "mcp.session.id",
    "span_id", "parent_span_id", "event", "resource", "approver", "policy_id", "reason_code", "input_sha256",
    "output_sha256", "origin", "dry_run_of",
)  # fmt: skip
"""Every name that a context may have, so that no prompt gets into the trail by mistake."""
MAX_CONTEXT_BYTES = 4096
MAX_ERROR_CHARACTERS = 2000
MAX_CHARACTERS = {"agent": 128, "trace_id": 128, "user": 256}
_MAX_INTEGER = 2**31 - 1


class About(TypedDict, total=False):
    """What is known of an execution before it begins, beside its agent."""

    user: str | None
    mode: Mode
    trace_id: str | None
    context: Context | None


class Details(TypedDict, total=False):
    """What a record may say beside agent, status and mode. latency_ms: milliseconds."""

    user: str | None
    trace_id: str | None
    http_status: int | None
    latency_ms: int | None
    error: str | None
    context: Context | None


def new_record(
    agent: str,
    *,
    status: str,
    mode: str,
    user: str | None = None,
    trace_id: str | None = None,
    http_status: int | None = None,
    latency_ms: int | None = None,
    error: str | None = None,
    context: Context | None = None,
) -> str:
    """Return a record with an id of its own, as the JSON text that is sent.

    Raises ValueError, which names the argument and repeats nothing of it, for what the service would refuse. `error` is
    cut and mended instead: an outcome is not lost over the words of an exception.
    """
    for name, text in {"agent": agent, "trace_id": trace_id, "user": user}.items():
        _check_text(name, text, MAX_CHARACTERS[name])
    if agent is None or status not in STATUSES or mode not in MODES:
        raise ValueError(f"agent is required, status is one of {STATUSES}, mode one of {MODES}")
    _check_number("http_status", http_status, 100, 599)
    _check_number("latency_ms", latency_ms, 0, _MAX_INTEGER)
    _check_context(context or {})
    fields = {
        "id": new_id(), "trace_id": trace_id, "agent_id": agent, "mode": mode, "status": status,
        "http_status": http_status, "latency_ms": latency_ms, "user_id": user, "error": _mended(error),
        "context": dict(context) if context else None,
    }  # fmt: skip
    return as_json({name: value for name, value in fields.items() if value is not None})


def id_of(record: str) -> str:
    """Return the id of a record that new_record() made."""
    return str(json.loads(record)["id"])


def as_json(value: Any) -> str:
    """Return `value` as JSON on one line, as the service writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _check_text(name: str, text: object, most: int) -> None:
    if text is None:
        return
    if not isinstance(text, str) or not 1 <= len(text) <= most or not _is_storable(text):
        raise ValueError(f"{name} has to be a text of 1 to {most} characters, without NUL")


def _check_number(name: str, number: object, least: int, most: int) -> None:
    if number is not None and (type(number) is not int or not least <= number <= most):
        raise ValueError(f"{name} has to be a whole number from {least} to {most}")


def _check_context(context: Context) -> None:
    for name, value in context.items():
        if name not in CONTEXT_NAMES:  # not repeated: it may be anything, even a whole prompt
            raise ValueError(f"a context has no such name; its names are {', '.join(CONTEXT_NAMES)}")
        if type(value) not in (str, int, float, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"context[{name!r}] has to be a text, a number, True or False")
        if isinstance(value, str) and not _is_storable(value):
            raise ValueError(f"context[{name!r}] has to be valid Unicode without NUL")
    if len(as_json(dict(context)).encode()) > MAX_CONTEXT_BYTES:
        raise ValueError(f"context has at most {MAX_CONTEXT_BYTES:,} bytes as JSON")


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _mended(error: str | None) -> str | None:
    if not error:
        return None
    text = str(error).replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text if len(text) <= MAX_ERROR_CHARACTERS else f"{text[: MAX_ERROR_CHARACTERS - 1]}…"
