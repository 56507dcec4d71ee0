"""Brings what waits in the spool into the database, once that is back: in order, and repeatable at any point."""

import asyncio
import fcntl
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from app.model.refusals import InvalidRequest, RingfenceError
from app.services.audit_logger import Outcome
from app.services.durable_files import flush_directory, write_all
from app.services.spool.lines import for_replay
from app.services.spool.queue import DEAD_LETTER, Segment, Spool
from app.telemetry.metrics import DEAD_LETTERED, REPLAYED

logger = logging.getLogger("ringfence")

_MOST_RECORDS = 250
"""Of one transaction: some tens of milliseconds, after which whoever writes at the same time has his turn."""
_MOST_BYTES = 1_048_576
_BETWEEN_LOOKS = 0.5
"""Seconds after which the spool is looked at again."""


class Replay:
    """Replays one spool. Of several workers that share it one does so at a time."""

    def __init__(
        self,
        spool: Spool,
        store: Callable[[Sequence[Mapping[str, str]]], Awaitable[Sequence[Outcome]]],
        is_up: Callable[[], bool],
    ) -> None:
        """store: has audit.replay_audit_logs() store some lines; raises RingfenceError when that may go well later."""
        self._spool = spool
        self._store = store
        self._is_up = is_up
        self._most_records = _MOST_RECORDS

    async def watch(self) -> None:
        """Replay whenever there is something to replay and a database to take it. Never returns."""
        while True:
            try:
                if self._is_up() and any(self._spool.waiting()):
                    await self.run()
            except RingfenceError as refusal:
                logger.warning("the replay goes on later: %s", refusal.detail)
            except OSError as error:
                logger.error("the spool cannot be replayed: %s", error.strerror)
            except Exception as error:  # whatever it is, what waits must not wait for a restart
                logger.error("the replay failed, and is tried again: %s", type(error).__qualname__)
            await asyncio.sleep(_BETWEEN_LOOKS)

    async def run(self) -> None:
        """Replay all that waits, unless another worker does. Raises RingfenceError or OSError; what is done is done."""
        with self._alone() as alone:
            if not alone:
                return
            await asyncio.to_thread(self._spool.seal)
            replayed = 0
            for segment in self._spool.segments():
                replayed += await self._replay(segment)
            if replayed:
                logger.warning("replayed %d records that had waited for the database", replayed)

    async def _replay(self, segment: Segment) -> int:
        replayed = 0
        with segment.path.open("rb") as file:
            file.seek(segment.position)
            while lines := self._next(file):
                try:
                    outcomes = await self._outcomes(lines)
                except RingfenceError:
                    self._most_records = max(1, self._most_records // 2)
                    raise
                self._most_records = _MOST_RECORDS
                refused = [(line, why) for line, why in zip(lines, outcomes, strict=True) if why is not None]
                if refused:
                    await asyncio.to_thread(self._bury, refused)
                await asyncio.to_thread(segment.advance, file.tell())
                replayed += len(lines) - len(refused)
                REPLAYED.inc(len(lines) - len(refused))
                DEAD_LETTERED.inc(len(refused))
        await asyncio.to_thread(segment.delete)
        return replayed

    def _next(self, file: Any) -> list[bytes]:
        lines: list[bytes] = []
        size = 0
        while len(lines) < self._most_records and size < _MOST_BYTES and (line := file.readline()):
            lines.append(line)
            size += len(line)
        return lines

    async def _outcomes(self, lines: Sequence[bytes]) -> Sequence[Outcome]:
        elements = [for_replay(line) for line in lines]
        if whole := [element for element in elements if element is not None]:
            try:
                stored = iter(await self._store(whole))
            except InvalidRequest as refusal:  # one that the server cannot even read: which, is found out one by one
                if len(whole) > 1:
                    return [(await self._outcomes([line]))[0] for line in lines]
                stored = iter([{"message": refusal.detail}])
        else:
            stored = iter([])
        return [{"message": "it is no whole record"} if element is None else next(stored) for element in elements]

    def _bury(self, refused: Sequence[tuple[bytes, Mapping[str, Any]]]) -> None:
        path = self._spool.directory / DEAD_LETTER
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            # A replay that was cut short may come here again.
            known = set(path.read_bytes().splitlines()) if size else set()
            buried = [dead for dead in (_dead_letter(line, why) for line, why in refused) if dead not in known]
            try:
                write_all(file, b"".join(dead + b"\n" for dead in buried))
                os.fsync(file)
            except OSError:
                os.ftruncate(file, size)  # half a line would spoil the next
                raise
            if not size:
                flush_directory(path.parent)
        finally:
            os.close(file)
        for _, why in refused:
            logger.error("a record that had waited for the database was refused for good: %s", why["message"])

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        directory = os.open(self._spool.directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(directory)


def _dead_letter(line: bytes, why: Mapping[str, Any]) -> bytes:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = {"line": line.decode("utf-8", "backslashreplace")}
    return json.dumps({**record, "refused": why}).encode()
