"""What is shipped: the next lines of a feed, and the position after them; and what a destination is."""

import re
from dataclasses import dataclass
from typing import Protocol

_POSITION = re.compile(r"([1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,17})(?:\.[0-9a-f]{16})?")


class NotTaken(Exception):
    """A destination did not take a batch, or nobody knows whether it did. The message repeats no answer."""


def order_of(position: str) -> tuple[int, int]:
    """Return the epoch and the leaves before a position, by which positions are ordered. Raises ValueError."""
    found = _POSITION.fullmatch(position)
    if not found:
        raise ValueError("not a position of a feed")
    return int(found[1]), int(found[2])


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of a feed without line breaks, none of them empty. after, position: of the feed, before and after them."""

    tenant: str
    after: str
    position: str
    lines: tuple[bytes, ...]


class Destination(Protocol):
    """Takes batches, one after another."""

    async def send(self, batch: Batch) -> None:
        """Return once the destination has taken the whole batch. Raises NotTaken."""

    async def close(self) -> None:
        """Give up its connections."""
