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


class BadPositions(Exception):
    """Positions cannot be read or kept. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Standing:
    """position: everything up to there was taken. sending, lines: the end of the batch on its way, and its lines.

    The batch is written down before it is sent: after a crash it is sent again with the same end, and so with the same
    id, by which a receiver drops it.
    """

    position: str = "1.0"
    sending: str | None = None
    lines: int = 0

    def to_json(self) -> bytes:
        """Return it as one line."""
        return json.dumps({"position": self.position, "sending": self.sending, "lines": self.lines}).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> "Standing":
        """Return what to_json() has written. Raises BadPositions."""
        try:
            found = parse(text)
            order_of(found["position"])
            if found["sending"] is not None:
                order_of(found["sending"])
            return cls(found["position"], found["sending"], int(found["lines"]))
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
