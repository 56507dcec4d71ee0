"""Places outside of the house that get each stored checkpoint: a directory, an object store, a webhook.

An owner of the database could replace a checkpoint that only the database has. A checkpoint that a place refused is
kept in the signer's memory and sent again; of each tree only the newest.
"""

import asyncio
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import httpx

from app.outside import OutsideFailed, send
from app.sign import notes
from app.sign.memory import Stored

logger = logging.getLogger("ringfence.sign")

_RETRY_SECONDS = 10.0
_ORIGIN = re.compile(r"[A-Za-z0-9._~:/-]+", re.ASCII)


class Place(Protocol):
    """Takes checkpoints."""

    name: str

    async def take(self, origin: str, size: int, note: str) -> None:
        """Take one. Taking it twice does no harm. Raises OutsideFailed or OSError."""


class Directory:
    """A directory, best on a disk of another machine: DIRECTORY/ORIGIN/SIZE, never overwritten."""

    def __init__(self, directory: Path) -> None:
        self.name = "directory"
        self._directory = directory

    async def take(self, origin: str, size: int, note: str) -> None:
        """Write the file, whole or not at all."""
        await asyncio.to_thread(self._write, self._directory / _path(origin) / str(size), note.encode())

    @staticmethod
    def _write(file: Path, content: bytes) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        with unfinished.open("xb") as output:
            output.write(content)
            output.flush()
            os.fsync(output.fileno())
        try:
            os.link(unfinished, file)  # unlike a rename this replaces nothing
        except FileExistsError:
            if notes.parse(file.read_text("utf-8"))[0] != notes.parse(content.decode())[0]:
                raise OutsideFailed(f"{file.name} leaves were published before with another root") from None
        finally:
            unfinished.unlink()


class ObjectStore:
    """An object store that takes PUT: URL/ORIGIN/SIZE. Write-once rules there keep what was published."""

    def __init__(self, url: str, client: httpx.AsyncClient, authorization: str | None, seconds: float) -> None:
        self.name = "object store"
        self._url, self._client, self._seconds = url.rstrip("/"), client, seconds
        self._headers = _headers(authorization)

    async def take(self, origin: str, size: int, note: str) -> None:
        """PUT the checkpoint."""
        url = f"{self._url}/{_path(origin)}/{size}"
        answer = await send(self._client, "PUT", url, note.encode(), self._headers, self._seconds)
        if not 200 <= answer.status < 300:
            raise OutsideFailed(f"answer {answer.status}")


class Webhook:
    """A webhook that takes the checkpoint as the body of a POST."""

    def __init__(self, url: str, client: httpx.AsyncClient, authorization: str | None, seconds: float) -> None:
        self.name = "webhook"
        self._url, self._client, self._seconds = url, client, seconds
        self._headers = _headers(authorization)

    async def take(self, origin: str, size: int, note: str) -> None:  # noqa: ARG002  the note says both
        """POST the checkpoint."""
        answer = await send(self._client, "POST", self._url, note.encode(), self._headers, self._seconds)
        if not 200 <= answer.status < 300:
            raise OutsideFailed(f"answer {answer.status}")


class Publisher:
    """Sends checkpoints to every place, in the background of signing."""

    def __init__(self, places: list[Place], published: Callable[[Iterable[Stored]], None]) -> None:
        self._places = places
        self._published = published
        self._pending: dict[tuple[str, int], Stored] = {}
        self._new = asyncio.Event()

    @property
    def places(self) -> int:
        """How many places there are."""
        return len(self._places)

    def submit(self, stored: Iterable[Stored]) -> None:
        """Send these soon. One that is replaced by a newer one of its tree before it was sent is not sent."""
        if self._places:
            self._pending.update({(each.tenant_id, each.epoch): each for each in stored})
            self._new.set()

    async def run(self) -> None:
        """Send what is submitted, until cancelled."""
        while True:
            await self._new.wait()
            self._new.clear()
            if not await self.flush():
                await asyncio.sleep(_RETRY_SECONDS)
                self._new.set()

    async def flush(self) -> bool:
        """Send what is pending, once; return whether every place took everything."""
        for key, stored in list(self._pending.items()):
            checkpoint, _ = notes.parse(stored.note)
            for place in self._places:
                try:
                    await place.take(checkpoint.origin, checkpoint.size, stored.note)
                except (OutsideFailed, OSError) as error:
                    why = error.strerror if isinstance(error, OSError) else str(error)
                    logger.error("the %s did not take the checkpoint of %s: %s", place.name, checkpoint.origin, why)
                    return False
            self._published([stored])
            if self._pending.get(key) == stored:
                del self._pending[key]
        return True


def _path(origin: str) -> str:
    """Return an origin as a path. Raises OutsideFailed for one that would lead out of the place."""
    if not _ORIGIN.fullmatch(origin) or any(segment.strip(".") == "" for segment in origin.split("/")):
        raise OutsideFailed("an origin that is no path below it")
    return origin


def _headers(authorization: str | None) -> dict[str, str]:
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return headers | {"Authorization": authorization} if authorization else headers
