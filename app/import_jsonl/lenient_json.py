"""JSON of old files: what is wrong inside one value spoils that value alone, and not the fields beside it."""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

_LEVELS = 200
"""Levels of nesting that are decoded at once; Python decodes some nine hundred."""
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Broken:
    """Stands for a value that cannot be read. why: the reason, without what was written."""

    why: str


def parse(text: bytes) -> Any:
    """Parse one JSON text; numbers with a fraction become Decimal. Raises json.JSONDecodeError, which repeats nothing.

    Bytes that are not UTF-8 become lone surrogates, which have to be refused in a text that is stored.
    """
    characters = text.decode("utf-8", "surrogateescape")
    try:
        try:
            return _DECODER.decode(characters)
        except RecursionError:
            return _DECODER.decode(_flattened(characters))
    except json.JSONDecodeError:
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise json.JSONDecodeError("not UTF-8", "", error.start) from None
        raise


def _flattened(characters: str) -> str:
    """Return the text with 0 for each deeply nested value, after checking that the value is JSON."""
    pieces: list[list[str]] = [[]]
    depth = read = 0
    for token in _STRING_OR_BRACKET.finditer(characters):
        if token[0] in ("[", "{"):
            depth += 1
            if depth % _LEVELS == 0:
                pieces[-1].append(characters[read : token.start()])
                pieces.append([])
                read = token.start()
        elif token[0] in ("]", "}"):
            if depth % _LEVELS == 0 and len(pieces) > 1:
                _DECODER.decode("".join([*pieces.pop(), characters[read : token.end()]]))
                pieces[-1].append("0")
                read = token.end()
            depth -= 1
    if len(pieces) > 1:
        raise json.JSONDecodeError("the end is missing", "", len(characters))
    return "".join([*pieces[0], characters[read:]])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        found |= {name: Broken("stands twice") for name, count in counts.items() if count > 1}
    return found


def _integer(digits: str) -> int | Broken:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts
        return Broken("a number out of range")


def _fraction(digits: str) -> Decimal | Broken:
    try:
        found = Decimal(digits)
    except InvalidOperation:
        return Broken("a number out of range")
    return found if math.isfinite(float(found)) else Broken("a number out of range")


# strict: a control character that is not escaped has one meaning all the same.
_DECODER = json.JSONDecoder(
    strict=False,
    parse_constant=lambda name: Broken(f"{name} is not JSON"),
    parse_int=_integer,
    parse_float=_fraction,
    object_pairs_hook=_object,
)
