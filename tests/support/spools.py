"""Spools without a service: filled, and replayed into a receiver that stands for the database."""

import asyncio
import json
from collections.abc import Mapping, Sequence

from app.model.credential import ApiKey
from app.model.refusals import DatabaseUnavailable, StorageUnavailable
from app.services.audit_logger import Outcome
from app.services.spool.lines import spool_line
from app.services.spool.queue import Line, Spool
from app.services.spool.replay import Replay

KEY = ApiKey(f"rf_{'0' * 16}_{'1' * 64}", None)
BYTES = 262_144
"""Of a spool that is filled up: the tables alone take 40,000."""


def line(number: int, tenant: str = "acme", **more: str) -> Line:
    return lambda now: spool_line(KEY, "secret", {"id": str(number), "tenant_id": tenant, "created_at": now, **more})


class Receiver:
    """Stands for the database: takes lines, or refuses them. tests/store/test_spool.py replays into a real one."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.calls = 0
        self.unavailable_after: int | None = None
        self.refused: set[str] = set()

    async def __call__(self, lines: Sequence[Mapping[str, str]]) -> Sequence[Outcome]:
        self.calls += 1
        if self.unavailable_after is not None and self.calls > self.unavailable_after:
            raise DatabaseUnavailable("the database is unavailable")
        ids = [str(json.loads(each["line"])["id"]) for each in lines]
        self.taken += [each for each in ids if each not in self.refused]
        return [{"sqlstate": "RF004", "message": "taken"} if each in self.refused else None for each in ids]


def fill(spool: Spool, numbers: range) -> None:
    async def fill_it() -> None:
        await spool.open()
        await asyncio.gather(*(spool.append("acme", line(number)) for number in numbers))
        await spool.close()

    asyncio.run(fill_it())


def replay(spool: Spool, store: Receiver) -> None:
    asyncio.run(Replay(spool, store, lambda: True).run())


def fill_up(spool: Spool, tenant: str, **more: str) -> int:
    """Append lines of `tenant` until no more are kept, and what was left of the last page is full; return how many."""

    async def append() -> int:
        await spool.open()
        kept = 0
        for first in range(0, 20_000, 50):
            appends = (spool.append(tenant, line(number, tenant, **more)) for number in range(first, first + 50))
            answers = await asyncio.gather(*appends, return_exceptions=True)
            assert {type(answer) for answer in answers} <= {type(None), StorageUnavailable}
            kept += answers.count(None)
            if all(answers):
                await spool.close()
                return kept
        raise AssertionError

    return asyncio.run(append())
