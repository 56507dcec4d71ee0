"""The client for code that is not async."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from ringfence import _exchange, _reading, _records, _wire
from ringfence._base import BaseClient
from ringfence._errors import ExportIncomplete, NotTheService, Problem, RingfenceError, Unavailable
from ringfence._execution import Execution
from ringfence._spool import DeadLetter

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class Client(BaseClient[httpx.Client]):
    """Records what agents do, and reads it. One for a process, used by any number of threads.

    After a fork, make another one. A client that is not closed loses nothing that it has acknowledged, but what is in
    its queue when the process is killed.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, timeout: float = 30.0) -> None:
        """Flush the queue and close connections. What is spooled is replayed by the next client.

        Raises NotRecorded when the queue could not be emptied in so many seconds: what is left in it is lost. Raises
        Problem as flush() does.
        """
        try:
            self._delivery.close(timeout)
        finally:
            self._http.close()

    @contextmanager
    def execution(self, agent: str, **about: Unpack[_records.About]) -> Iterator[Execution]:
        """Record `started`, run the block, record its outcome: two records under one trace id.

        The block runs once the first record is stored or spooled. Its exceptions are recorded and raised on.
        agent: 1 to 128 characters. about: user, on whose behalf, which is personal data; mode, LIVE unless it is
        DRY_RUN, where nothing is done; trace_id; and context, with names of docs/records.md, for both records.

        Raises, before the block runs: ValueError for an argument that breaks a rule, Problem when the service refuses
        the record or the key, NotTheService when something else answers at the URL, and NotRecorded when it could be
        neither sent nor spooled. Raises OutcomeNotRecorded after a block that succeeded.
        """
        execution = self.begin(agent, **about)
        try:
            yield execution
        except BaseException as error:
            self.end(execution, error)
            raise
        self.end(execution)

    def begin(self, agent: str, **about: Unpack[_records.About]) -> Execution:
        """Record `started`, for work that is no block: what execution() does first. end() is yours to call then."""
        execution = Execution(agent, **about)
        self._proceed_or_raise(execution.started)
        execution.begin()
        return execution

    def end(self, execution: Execution, exception: BaseException | None = None) -> None:
        """Record the outcome of what begin() began. exception: what ended it, where something did.

        Raises OutcomeNotRecorded, but not beside an exception, which matters more: the log has it then.
        """
        record = execution.outcome(exception)
        try:
            self._delivery.check_open()
            try:
                self._send_or_spool(record)
            except (Problem, NotTheService) as refusal:
                self._delivery.backlog.keep_outcome(record, refusal)
        except RingfenceError as error:
            self._lose_outcome(execution, error, exception)

    def record(
        self, agent: str, *, status: _records.Status, mode: _records.Mode = "LIVE", **more: Unpack[_records.Details]
    ) -> str:
        """Record something that happened, and return its id once it is stored or spooled.

        more: user, trace_id, http_status, latency_ms (milliseconds), error, context. Raises what execution() raises
        before its block runs.
        """
        record = _records.new_record(agent, status=status, mode=mode, **more)
        self._proceed_or_raise(record)
        return _records.id_of(record)

    def enqueue(
        self, agent: str, *, status: _records.Status, mode: _records.Mode = "LIVE", **more: Unpack[_records.Details]
    ) -> str:
        """Queue a record and return its id, without waiting for the service: for high rates.

        A thread sends the queue in batches, or spools it. The queue is in memory: a process that is killed loses it.
        flush() and close() wait for it. Raises ValueError; Problem while the service refuses the key, and NotTheService
        while something else answers; NotRecorded when the queue stays full for `timeout` seconds, or can be neither
        sent nor spooled.
        """
        record = _records.new_record(agent, status=status, mode=mode, **more)
        try:
            self._delivery.enqueue(record)
        except RingfenceError as error:
            self._proceed_despite(error)
        return _records.id_of(record)

    def flush(self, timeout: float = 30.0) -> None:
        """Return once each queued record was stored or spooled.

        Raises Problem when the service has refused one of them for good, which is a dead letter then, and NotRecorded
        after so many seconds.
        """
        self._delivery.flush(timeout)

    @property
    def spooled(self) -> int:
        """How many records wait in the spool. Raises NotRecorded if it cannot be read."""
        return self._delivery.backlog.count()

    def dead_letters(self) -> list[DeadLetter]:
        """Return the records that the service has refused for good, oldest first. Raises NotRecorded as spooled does.

        They are in the spool until they are sent again and stored.
        """
        return self._delivery.backlog.dead_letters()

    def resend(self, letter: DeadLetter) -> None:
        """Let a dead letter wait in the spool again. If it is refused again, it is a dead letter again.

        Raises ValueError if the spool has it no more, and NotRecorded if the spool cannot be used.
        """
        self._delivery.check_open()
        self._delivery.backlog.resend(letter)

    def logs(self, **filters: Unpack[_reading.Filters]) -> Iterator[_reading.StoredRecord]:
        """Yield the records that the filters find, newest first unless order="asc", page by page.

        Raises Problem and Unavailable. Records that are written meanwhile make none appear twice or go missing.
        """
        query = _reading.parameters(filters, limit=str(_reading.PAGE_RECORDS))
        while True:
            page = _wire.page_of(_exchange.get_page(self._http, query))
            yield from map(_reading.stored_record, page["items"])
            if not page["has_more"]:
                return
            query["cursor"] = page["next_cursor"]

    def export(self, **filters: Unpack[_reading.Filters]) -> Iterator[_reading.StoredRecord]:
        """Yield every record that the filters find, from one export. The service records that it was made.

        Raises ExportIncomplete at its end if it was cut, and Problem and Unavailable.
        """
        records = _reading.ExportedRecords()
        with self._exporting(_reading.parameters(filters)) as answer:
            for piece in answer.iter_bytes():
                yield from records.read(piece)
        records.check()

    def export_bytes(
        self,
        format: _reading.Format = "ndjson",  # noqa: A002  the parameter's name
        **filters: Unpack[_reading.Filters],
    ) -> Iterator[bytes]:
        """Yield an export as a file has it, in pieces; format: ndjson, csv or evidence. Raises what export() does."""
        tail = _reading.ExportTail()
        with self._exporting(_reading.parameters(filters, format=format)) as answer:
            yield from map(tail.read, answer.iter_bytes())
        tail.check()

    @contextmanager
    def _exporting(self, query: dict[str, str]) -> Iterator[httpx.Response]:
        request = self._http.build_request("GET", _wire.EXPORT, params=query, timeout=_reading.EXPORT_TIMEOUT)
        try:
            answer = self._http.send(_wire.quiet(request), stream=True)
        except httpx.HTTPError as error:
            raise _wire.unreachable(error) from error
        try:
            _wire.refuse_export(answer if answer.status_code == 200 else _exchange.read(answer))
            yield answer
        except httpx.HTTPError as error:
            raise ExportIncomplete(f"the export was cut: {type(error).__name__}") from error
        finally:
            answer.close()

    def _proceed_or_raise(self, record: str) -> None:
        try:
            self._delivery.check_may_begin()
            self._send_or_spool(record)
        except RingfenceError as error:
            self._proceed_despite(error)

    def _send_or_spool(self, record: str) -> None:
        backlog = self._delivery.backlog
        cause: Unavailable | None = None
        if backlog.is_replaying:
            backlog.make_way()
        if not backlog.is_spooling:
            try:
                self._send(record)
                return
            except Unavailable as error:
                backlog.check_outage(error)
                cause = error
        backlog.keep([record], cause)

    def _send(self, record: str) -> None:
        answer = _exchange.send(self._http, [record], self._timeout)
        self._delivery.backlog.note_tenant(_wire.stored_for(answer, 1))

    def _connect(self, options: dict[str, Any]) -> httpx.Client:
        return httpx.Client(**options)
