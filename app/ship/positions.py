"""Where a destination stands: the position up to which it has taken everything, and the batch that is on its way."""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.model.strict_json import parse
from app.ship.batch import order_of
from app.ship.trail import Trail


class BadPositions(Exception):
    """Positions cannot be read or kept, or are those of another trail. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Standing:
    """position: everything up to there was taken. sending, lines: the end of the batch on its way, and its lines.

    The batch is written down before it is sent: after a crash it is sent again with the same end, and so with the same
    id, by which a receiver drops it.

    caught_up: when the destination last had everything that its feed had, as far as it was known when this was kept, in
    seconds since 1970; of a new one when it was first looked at, and 0 before. trail: whose positions they are, None
    before the first answer of the feed.
    """

    position: str = "1.0"
    sending: str | None = None
    lines: int = 0
    caught_up: float = 0.0
    trail: Trail | None = None

    def to_json(self) -> bytes:
        """Return it as one line."""
        members = {
            "position": self.position, "sending": self.sending, "lines": self.lines, "caught_up": self.caught_up,
            "trail": self.trail and self.trail.to_json(),
        }  # fmt: skip
        return json.dumps(members).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Standing":
        """Return what to_json() has written, or an earlier release, which had no caught_up and no trail.

        Raises BadPositions.
        """
        try:
            found = parse(text)
            order_of(found["position"])
            if found["sending"] is not None:
                order_of(found["sending"])
            kept = found.get("trail")
            trail = None if kept is None else Trail.from_json(kept)
            caught_up = float(found.get("caught_up", 0))
            return cls(found["position"], found["sending"], int(found["lines"]), caught_up, trail)
        except (ValueError, TypeError, KeyError):
            raise BadPositions("not the position of a destination") from None


class Positions(Protocol):
    """Keeps the standing of one destination."""

    async def load(self) -> Standing:
        """Return what was saved last; of a new destination the beginning. Raises BadPositions."""

    async def save(self, standing: Standing) -> None:
        """Keep it before anything else is sent. Raises BadPositions."""


class FilePositions:
    """A file, which is replaced whole."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def load(self) -> Standing:
        """See Positions."""
        return await asyncio.to_thread(self._read)

    async def save(self, standing: Standing) -> None:
        """See Positions."""
        await asyncio.to_thread(self._write, standing.to_json())

    def _read(self) -> Standing:
        try:
            return Standing.from_json(self._file.read_bytes())
        except FileNotFoundError:
            return Standing()
        except OSError as error:
            raise BadPositions(f"{self._file}: {error.strerror}") from None
        except BadPositions as error:
            raise BadPositions(f"{self._file}: {error}") from None

    def _write(self, text: bytes) -> None:
        unfinished = self._file.with_suffix(".new")
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as output:  # noqa: PTH123  a descriptor, for the mode
                output.write(text)
                output.flush()
                os.fsync(descriptor)
            unfinished.replace(self._file)
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise BadPositions(f"{self._file}: {error.strerror}") from None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Make the directory and use it alone: two shippers would send everything twice. Raises BadPositions."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (directory / "lock").open("a")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BadPositions(f"{directory} is in use by another shipper") from None
    except OSError as error:
        raise BadPositions(f"{directory}: {error.strerror}") from None
    with file:
        yield
