"""The shape of a record that another service sends: which fields there are, and of what type.

Types alone: lengths, ranges and known words are the database's rules. Written out rather than a model, since it runs a
hundred thousand times in one request.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.model.record_rules import in_range, refuse_unstorable_number, refuse_unstorable_text
from app.model.refusals import InvalidRequest
from app.model.strict_json import parse
from app.model.uuid_v7 import uuid_v7_texts

Record = dict[str, Any]

_TEXTS = frozenset({"id", "trace_id", "agent_id", "mode", "status", "user_id", "error", "created_at"})
_NUMBERS = frozenset({"http_status", "latency_ms"})
_IDS = uuid_v7_texts()
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# RFC 3339 with a zone that PostgreSQL knows; the last group is what is finer than it keeps.
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,6}(\d*))?(?:[Zz]|[+-](?:0\d|1[0-4]):[0-5]\d)", re.ASCII
)


def parsed(text: bytes) -> Any:
    """Parse one JSON text strictly (app/http/strict_route.py). Raises InvalidRequest, which does not repeat it."""
    try:
        return parse(text)
    except json.JSONDecodeError as error:
        raise InvalidRequest.field("body", f"not JSON at character {error.pos}: {error.msg}") from None


def checked(value: Any, *, escapes: bool = True) -> Record:
    """Return `value` when it has the shape of a record, with an id made for it where it has none.

    escapes: whether its JSON text held a backslash; only then a text can hold what PostgreSQL cannot store. Raises
    InvalidRequest, which names the first field that is wrong.
    """
    if type(value) is not dict:
        raise InvalidRequest.field("body", "a record is a JSON object")
    for name, content in value.items():
        if name in _TEXTS:
            if content is None:
                continue
            if type(content) is not str:
                raise InvalidRequest.field(name, "a text is needed")
            if escapes:
                refuse_unstorable_text(name, content)
        elif name in _NUMBERS:
            if content is None:
                continue
            if type(content) is not int:
                raise InvalidRequest.field(name, "a whole number is needed")
            refuse_unstorable_number(name, content)
        else:
            raise InvalidRequest.field(_shown(name), "Extra inputs are not permitted")
    if (created_at := value.get("created_at")) is not None:
        _refuse_unless_instant(created_at)
        required: tuple[str, ...] = ("agent_id",)  # the other two may be unknown in imported history
    else:
        required = ("agent_id", "mode", "status")
    for name in required:
        if value.get(name) is None:
            raise InvalidRequest.field(name, "is required")
    if (given := value.get("id")) is None:
        value["id"] = next(_IDS)
    else:
        refuse_unless_uuid("id", given)
    return value


def with_whole_numbers(value: Any) -> bool:
    """Write 12.0 and 1e2 in a record as 12 and 100: one number in JSON. Return whether there was one."""
    changed = False
    if type(value) is dict:
        for name in _NUMBERS:
            if type(number := value.get(name)) is float and number.is_integer():
                value[name] = int(number)
                changed = True
    return changed


def refuse_unless_uuid(name: str, text: str) -> None:
    """Raise InvalidRequest for what is no UUID in the form of RFC 9562."""
    if not _UUID.fullmatch(text):
        raise InvalidRequest.field(name, "a UUID is needed")


def is_import(record: Mapping[str, Any]) -> bool:
    """Whether the record brings its own time."""
    return record.get("created_at") is not None


def _refuse_unless_instant(text: str) -> None:
    try:
        if not (match := _INSTANT.fullmatch(text)):
            raise ValueError
        time = datetime.fromisoformat(text.upper())
    except ValueError:
        raise InvalidRequest.field("created_at", "an ISO 8601 date and time with a zone is needed") from None
    if (match[1] or "").strip("0"):
        raise InvalidRequest.field("created_at", "a fraction of a second has at most six digits")
    in_range(time)


def _shown(name: str) -> str:
    # A made-up name may be anything, a whole prompt for one.
    return name[:64].encode("ascii", "backslashreplace").decode()
