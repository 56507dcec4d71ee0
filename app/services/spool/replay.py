"""Replays the spool into the database once that is available: in order, and repeatable at any point."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.model.refusals import InvalidRequest, RingfenceError
from app.services.audit_logger import Outcome
from app.services.spool.directory import lock
from app.services.spool.lines import for_replay
from app.services.spool.queue import Spool
from app.telemetry.metrics import DEAD_LETTERED, REPLAYED

logger = logging.getLogger("ringfence")

_MAX_RECORDS = 250
"""Of one transaction: it takes some tens of milliseconds, in which other records wait for its connection."""
_MAX_BYTES = 1_048_576
_PAUSE = 0.5
"""Seconds between two looks at the spool."""


@dataclass(eq=False)
class Replay:
    """Replays one spool. Of the workers that share it, one replays at a time.

    store: calls audit.replay_audit_logs(); raises RingfenceError where a later try may succeed.
    """

    spool: Spool
    store: Callable[[Sequence[Mapping[str, str]]], Awaitable[Sequence[Outcome]]]
    is_up: Callable[[], bool]
    max_records: int = field(default=_MAX_RECORDS, init=False)

    async def watch(self) -> None:
        """Replay whenever the database is available. Never returns."""
        while True:
            try:
                if self.is_up():
                    await self.run()
            except RingfenceError as refusal:
                logger.warning("the replay goes on later: %s", refusal.detail)
            except OSError as error:
                logger.error("the spool cannot be replayed: %s", error.strerror)
            except Exception as error:  # an error that nobody foresaw must not stop the replay until a restart
                logger.error("the replay failed, and is tried again: %s", type(error).__qualname__)
            await asyncio.sleep(_PAUSE)

    async def run(self) -> None:
        """Replay until the spool is empty, unless another worker does.

        Raises RingfenceError or OSError; the records before it are replayed.
        """
        with lock(self.spool.directory) as alone:
            replayed = 0
            if alone:
                await self.spool.take_over_files()
            while alone and (lines := await self.spool.next_lines(self.max_records, _MAX_BYTES)):
                replayed += await self._replay(lines)
            if replayed:
                logger.warning("replayed %d records that had waited for the database", replayed)

    async def _replay(self, lines: Sequence[tuple[int, bytes]]) -> int:
        """Replay lines, each with its number in the spool; return how many the database has stored."""
        try:
            outcomes = await self._outcomes([line for _, line in lines])
        except RingfenceError:
            self.max_records = max(1, self.max_records // 2)
            raise
        self.max_records = _MAX_RECORDS
        refused = [(number, line, why) for (number, line), why in zip(lines, outcomes, strict=True) if why is not None]
        await self.spool.let_go(lines, [(number, _dead_letter(line, why)) for number, line, why in refused])
        for _, _, why in refused:
            logger.error("a record that had waited for the database was refused for good: %s", why["message"])
        DEAD_LETTERED.inc(len(refused))
        REPLAYED.inc(len(lines) - len(refused))
        return len(lines) - len(refused)

    async def _outcomes(self, lines: Sequence[bytes]) -> Sequence[Outcome]:
        elements = [for_replay(line) for line in lines]
        whole = [element for element in elements if element is not None]
        try:
            stored = iter(await self.store(whole) if whole else ())
        except InvalidRequest as refusal:  # the server cannot read one of them: which one, is found out one by one
            if len(whole) > 1:
                return [(await self._outcomes([line]))[0] for line in lines]
            stored = iter([{"message": refusal.detail}])
        return [{"message": "it is no whole record"} if element is None else next(stored) for element in elements]


def _dead_letter(line: bytes, why: Mapping[str, Any]) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = {"line": line.decode("utf-8", "backslashreplace")}
    return json.dumps({**record, "refused": why})
