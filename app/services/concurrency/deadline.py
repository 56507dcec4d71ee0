"""Answers in time, whatever is waited for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
_abandoned: set[asyncio.Task[Any]] = set()


async def bounded(work: Coroutine[Any, Any, Result], seconds: float) -> Result:
    """Return what `work` returns, or raise TimeoutError after so many seconds.

    Not asyncio.timeout(): that waits until what it cancels has ended, and a query on a server that has stopped
    answering takes seconds more to be cancelled. Here it is cancelled and left alone. Cancelled itself, this waits for
    the end of `work`.
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
    _abandoned.add(task)
    task.add_done_callback(_forget)
    raise TimeoutError


def _forget(task: asyncio.Task[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()  # or asyncio would print that nobody asked for it
