"""JSON as RFC 8259 has it and no more: no duplicate keys, no NaN or Infinity, bounded in depth and in elements.

And JSON as the service hands it on to a store.
"""

import json
import math
from typing import Any

MAX_DEPTH = 64
"""Of objects and arrays in one another."""
MAX_BRACKETS = 100_000
"""Objects and arrays of one text, as many as a request may have records; counted before it is parsed, so those in texts
count as well. Each costs a hundred times as much to parse as to send."""


def parse(text: bytes) -> Any:
    """Parse `text` as RFC 8259 has it. Raises json.JSONDecodeError, whose message does not repeat the text."""
    try:
        brackets = text.count(b"[") + text.count(b"{")
        if brackets > MAX_BRACKETS:
            raise json.JSONDecodeError(f"more than {MAX_BRACKETS:,} opening brackets and braces", "", 0)
        value = _DECODER.decode(text.decode())
        # Only what has so many brackets can be so deep.
        if brackets > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
            raise RecursionError
        return value
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("not UTF-8", "", error.start) from None
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", "", 0) from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # an integer of more digits than Python converts
        raise json.JSONDecodeError("a number out of range", "", 0) from error


def dump(value: Any) -> str:
    """Return `value` as JSON without blanks, letters beyond ASCII unescaped.

    The database keeps the text of a record's context: so that it is the same on every way there, all of them use this.
    """
    return _ENCODER.encode(value)


def _is_deeper(value: object, most: int) -> bool:
    level = [value]
    for _ in range(most + 1):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        if not inner:
            return False
        level = inner
    return True


def _constant(name: str) -> None:
    raise json.JSONDecodeError(f"{name} is not JSON", "", 0)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise json.JSONDecodeError("a number out of range", "", 0)
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise json.JSONDecodeError("a key stands twice in one object", "", 0)
    return found


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# Made once: json.loads would make one at every call, which is a third of what a short text takes.
_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_finite, object_pairs_hook=_without_duplicates)
