"""Which values PostgreSQL can store at all: valid Unicode without NUL, and numbers that fit `integer`."""

from collections.abc import Mapping
from typing import Any, LiteralString

from app.model.refusals import InvalidRequest


def storage_fault(value: object) -> LiteralString | None:
    """Say why PostgreSQL has no form for `value`; None where it has one. `integer` is the type of every number.

    A record's context is JSON: its texts count, its numbers have no limit.
    """
    if isinstance(value, str):
        if "\0" in value:
            return "a text holds a NUL character"
        try:
            value.encode()
        except UnicodeEncodeError:
            return "a text is not valid Unicode"
    elif isinstance(value, int) and not -(2**31) <= value < 2**31:
        return "integer out of range"
    elif isinstance(value, Mapping):
        texts = [text for text in (*value, *value.values()) if isinstance(text, str)]
        return next((fault for text in texts if (fault := storage_fault(text))), None)
    return None


def refuse_unstorable(values: Mapping[str, Any]) -> None:
    """Refuse the first value that PostgreSQL has no form for, by its name. Raises InvalidRequest."""
    for name, value in values.items():
        if fault := storage_fault(value):
            raise InvalidRequest.field(name, fault)
