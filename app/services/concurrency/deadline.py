"""Deadlines that hold even when the cancelled work does not end."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
_abandoned: set[asyncio.Task[Any]] = set()


async def with_deadline(work: Coroutine[Any, Any, Result], seconds: float) -> Result:
    """Await a coroutine for at most `seconds`; on timeout cancel it, without waiting for the cancellation.

    asyncio.timeout() would wait for it, and cancelling a query on a server that has stopped answering takes seconds
    more. When this is cancelled itself, it waits until `work` has ended.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
    if task.done():
        return task.result()
    task.cancel()
    _abandoned.add(task)  # asyncio itself keeps only a weak reference
    task.add_done_callback(_discard)
    raise TimeoutError


def _discard(task: asyncio.Task[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()  # or asyncio would log that it was never retrieved
