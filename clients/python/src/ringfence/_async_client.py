"""The client for async code, on asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import anyio
import httpx
from anyio.to_thread import run_sync

from ringfence import _exchange, _reading, _records, _wire
from ringfence._base import BaseClient
from ringfence._errors import ExportIncomplete, NotTheService, Problem, RingfenceError, Unavailable
from ringfence._execution import Execution
from ringfence._spool import DeadLetter

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class AsyncClient(BaseClient[httpx.AsyncClient]):
    """As Client, with the same words, to be awaited. One for an event loop.

    Queue and spool are served by a thread, so that what they hold is sent whatever the loop does, and the loop never
    waits for the disk.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109  as Client has it
        """See Client."""
        with anyio.CancelScope(shield=True):
            try:
                await run_sync(self._delivery.close, timeout)
            finally:
                await self._http.aclose()

    @asynccontextmanager
    async def execution(self, agent: str, **about: Unpack[_records.About]) -> AsyncIterator[Execution]:
        """See Client. A block that is cancelled is recorded as an error, before the cancellation goes on."""
        execution = await self.begin(agent, **about)
        try:
            yield execution
        except BaseException as error:
            await self.end(execution, error)
            raise
        await self.end(execution)

    async def begin(self, agent: str, **about: Unpack[_records.About]) -> Execution:
        """See Client."""
        execution = Execution(agent, **about)
        await self._proceed_or_raise(execution.started)
        execution.begin()
        return execution

    async def end(self, execution: Execution, exception: BaseException | None = None) -> None:
        """See Client. It is not cancelled."""
        record = execution.outcome(exception)
        try:
            self._delivery.check_open()
            with anyio.CancelScope(shield=True):
                try:
                    await self._send_or_spool(record)
                except (Problem, NotTheService) as refusal:
                    await run_sync(self._delivery.backlog.keep_outcome, record, refusal)
        except RingfenceError as error:
            self._lose_outcome(execution, error, exception)

    async def record(
        self, agent: str, *, status: _records.Status, mode: _records.Mode = "LIVE", **more: Unpack[_records.Details]
    ) -> str:
        """See Client."""
        record = _records.new_record(agent, status=status, mode=mode, **more)
        await self._proceed_or_raise(record)
        return _records.id_of(record)

    async def enqueue(
        self, agent: str, *, status: _records.Status, mode: _records.Mode = "LIVE", **more: Unpack[_records.Details]
    ) -> str:
        """See Client."""
        record = _records.new_record(agent, status=status, mode=mode, **more)
        try:
            if not self._delivery.enqueue(record, block=False):
                await run_sync(self._delivery.enqueue, record)
        except RingfenceError as error:
            self._proceed_despite(error)
        return _records.id_of(record)

    async def flush(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109  as Client has it
        """See Client."""
        await run_sync(self._delivery.flush, timeout)

    async def spooled(self) -> int:
        """Return how many records wait in the spool. Raises NotRecorded if it cannot be read."""
        return await run_sync(self._delivery.backlog.count)

    async def dead_letters(self) -> list[DeadLetter]:
        """See Client."""
        return await run_sync(self._delivery.backlog.dead_letters)

    async def resend(self, letter: DeadLetter) -> None:
        """See Client."""
        self._delivery.check_open()
        await run_sync(self._delivery.backlog.resend, letter)

    async def logs(self, **filters: Unpack[_reading.Filters]) -> AsyncIterator[_reading.StoredRecord]:
        """See Client."""
        query = _reading.parameters(filters, limit=str(_reading.PAGE_RECORDS))
        while True:
            page = _wire.page_of(await _exchange.aget_page(self._http, query))
            for item in page["items"]:
                yield _reading.stored_record(item)
            if not page["has_more"]:
                return
            query["cursor"] = page["next_cursor"]

    async def export(self, **filters: Unpack[_reading.Filters]) -> AsyncIterator[_reading.StoredRecord]:
        """See Client."""
        records = _reading.ExportedRecords()
        async with self._exporting(_reading.parameters(filters)) as answer:
            async for piece in answer.aiter_bytes():
                for record in records.read(piece):
                    yield record
        records.check()

    async def export_bytes(
        self,
        format: _reading.Format = "ndjson",  # noqa: A002  the parameter's name
        **filters: Unpack[_reading.Filters],
    ) -> AsyncIterator[bytes]:
        """See Client."""
        tail = _reading.ExportTail()
        async with self._exporting(_reading.parameters(filters, format=format)) as answer:
            async for piece in answer.aiter_bytes():
                yield tail.read(piece)
        tail.check()

    @asynccontextmanager
    async def _exporting(self, query: dict[str, str]) -> AsyncIterator[httpx.Response]:
        request = self._http.build_request("GET", _wire.EXPORT, params=query, timeout=_reading.EXPORT_TIMEOUT)
        try:
            answer = await self._http.send(_wire.quiet(request), stream=True)
        except httpx.HTTPError as error:
            raise _wire.unreachable(error) from error
        try:
            _wire.refuse_export(answer if answer.status_code == 200 else await _exchange.aread(answer))
            yield answer
        except httpx.HTTPError as error:
            raise ExportIncomplete(f"the export was cut: {type(error).__name__}") from error
        finally:
            await answer.aclose()

    async def _proceed_or_raise(self, record: str) -> None:
        try:
            self._delivery.check_may_begin()
            await self._send_or_spool(record)
        except RingfenceError as error:
            self._proceed_despite(error)

    async def _send_or_spool(self, record: str) -> None:
        backlog = self._delivery.backlog
        cause: Unavailable | None = None
        if backlog.is_replaying:
            await run_sync(backlog.make_way)
        if not backlog.is_spooling:
            try:
                await self._send(record)
                return
            except Unavailable as error:
                backlog.check_outage(error)
                cause = error
        await run_sync(backlog.keep, [record], cause)

    async def _send(self, record: str) -> None:
        answer = await _exchange.asend(self._http, [record], self._timeout)
        self._delivery.backlog.note_tenant(_wire.stored_for(answer, 1))

    def _connect(self, options: dict[str, Any]) -> httpx.AsyncClient:
        return httpx.AsyncClient(**options)
