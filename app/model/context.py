"""The context of a record: what its writer says about it beside the columns. A flat JSON object with names from a list.

The database has the same rule: audit.is_context(). tests/store/test_rules_agree.py holds the two equal.
"""

from collections.abc import Mapping
from typing import Any

from app.model.refusals import InvalidRequest
from app.model.storable import storage_fault
from app.model.strict_json import dump

Context = Mapping[str, str | int | float | bool]

HASH_NAMES = ("input_sha256", "output_sha256")
"""The service sets these two itself when it executes an agent."""
CONTEXT_NAMES = (
    "gen_ai.agent.version", "gen_ai.request.model", "gen_ai.tool.name", "gen_ai.conversation.id", "mcp.session.id",
    "span_id", "parent_span_id", "event", "resource", "approver", "policy_id", "reason_code", *HASH_NAMES, "origin",
    "dry_run_of",
)  # fmt: skip
"""Every name that a context may have: those of OpenTelemetry, MCP and W3C Trace Context, then our own."""
MAX_CONTEXT_BYTES = 4096
"""Of a context as JSON in UTF-8."""
MAX_CONTEXT_BYTES_OF_EXECUTE = 3900
"""Of the context that comes with an execution: the service adds the two hashes, 165 bytes."""

_NAMES = frozenset(CONTEXT_NAMES)
_SCALARS = (str, int, float, bool)


def check_context(value: Any, *, escapes: bool = True, max_bytes: int = MAX_CONTEXT_BYTES) -> None:
    """Check a context that a caller sent, parsed from JSON. Raises InvalidRequest for the first wrong member.

    escapes: whether the JSON text held a backslash; only then can a text hold what PostgreSQL cannot store.
    """
    if type(value) is not dict:
        raise InvalidRequest.field("context", "a JSON object is needed")
    for name, content in value.items():
        if name not in _NAMES:
            # An unknown name may be anything, even a whole prompt.
            shown = name[:56].encode("ascii", "backslashreplace").decode()
            raise InvalidRequest.field(f"context.{shown}", "Extra inputs are not permitted")
        if type(content) not in _SCALARS:
            raise InvalidRequest.field(f"context.{name}", "a text, a number, true or false is needed")
        if escapes and isinstance(content, str) and (fault := storage_fault(content)):
            raise InvalidRequest.field(f"context.{name}", fault)
    if len(dump(value).encode()) > max_bytes:
        raise InvalidRequest.field("context", f"at most {max_bytes:,} bytes")


def check_context_of_execute(value: Any) -> None:
    """Check a context that came with an execution. Raises InvalidRequest for the first wrong member."""
    check_context(value, max_bytes=MAX_CONTEXT_BYTES_OF_EXECUTE)
    for name in HASH_NAMES:
        if name in value:
            raise InvalidRequest.field(f"context.{name}", "the service sets it")


def is_context(value: Any) -> bool:
    """Whether audit.is_context() accepts `value`."""
    try:
        check_context(value)
    except InvalidRequest:
        return False
    return True


def member_text(value: str | float) -> str:
    """Return a member's value as a filter names it: a text as it is, anything else as JSON has it."""
    return value if isinstance(value, str) else dump(value)
