"""The client for code that is not async."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import httpx

from ringfence import _reading, _records, _wire
from ringfence._errors import (
    ExportIncomplete,
    Forbidden,
    OutcomeNotRecorded,
    RingfenceError,
    Unauthenticated,
    Unavailable,
)
from ringfence._execution import Execution
from ringfence._options import Unrecorded, options
from ringfence._spool import MAX_BYTES

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

logger = logging.getLogger("ringfence")


class Client:
    """Records what agents do, and reads it. One for a process, used by any number of threads.

    After a fork, make another one. A client that is not closed loses nothing that it has acknowledged, but what is in
    its queue when the process is killed.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        spool: str | os.PathLike[str] | Literal[False] | None = None,
        spool_max_bytes: int = MAX_BYTES,
        queue_size: int = 10_000,
        timeout: float = 5.0,
        unrecorded: Unrecorded = "raise",
    ) -> None:
        """Use a service and one of its keys: by default RINGFENCE_URL and RINGFENCE_API_KEY of the environment.

        spool: the file for records while the service is unavailable, by default
        $XDG_STATE_HOME/ringfence/spool.sqlite3; False for none. spool_max_bytes: its size at most. queue_size: records
        that enqueue() holds at most. timeout: seconds, of each step of a request, and of waiting for room in the queue.
        unrecorded: what happens to work that cannot be recorded: raise, so that it is not begun, or proceed, with an
        error in the log.

        Raises ValueError for a URL or a key of another form, and NotRecorded for a spool that is there and unusable.
        """
        made = options(url, api_key, spool, spool_max_bytes, queue_size, timeout, unrecorded)
        self._to, self._delivery, self._may_proceed = made.to, made.delivery, made.may_proceed
        self._http = httpx.Client(**_wire.client_options(made.to, timeout))
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<ringfence.Client {self._to.url}, key {self._to.key_id}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, timeout: float = 30.0) -> None:
        """Flush the queue and close connections. What is spooled is replayed by the next client.

        Raises NotRecorded when the queue could not be emptied in so many seconds: what is left in it is lost. Raises
        InvalidRequest as flush() does.
        """
        try:
            self._delivery.close(timeout)
        finally:
            self._http.close()

    @contextmanager
    def execution(
        self,
        agent: str,
        *,
        user: str | None = None,
        mode: _records.Mode = "LIVE",
        trace_id: str | None = None,
        context: _records.Context | None = None,
    ) -> Iterator[Execution]:
        """Record `started`, run the block, record its outcome: two records under one trace id.

        The block runs once the first record is stored or spooled. Its exceptions are recorded and raised on.
        agent: 1 to 128 characters. user: on whose behalf; personal data. mode: LIVE, or DRY_RUN where nothing is done.
        context: names of docs/records.md, for both records.

        Raises, before the block runs: ValueError for an argument that breaks a rule, Problem when the service refuses
        the record or the key, and NotRecorded when it could be neither sent nor spooled. Raises OutcomeNotRecorded
        after a block that succeeded.
        """
        execution = self.begin(agent, user=user, mode=mode, trace_id=trace_id, context=context)
        try:
            yield execution
        except BaseException as error:
            self.end(execution, error)
            raise
        self.end(execution)

    def begin(
        self,
        agent: str,
        *,
        user: str | None = None,
        mode: _records.Mode = "LIVE",
        trace_id: str | None = None,
        context: _records.Context | None = None,
    ) -> Execution:
        """Record `started`, for work that is no block: what execution() does first. end() is yours to call then."""
        execution = Execution(agent, user, mode, trace_id, context)
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
            except (Unauthenticated, Forbidden) as refusal:
                self._delivery.keep_despite(refusal, record)
        except RingfenceError as error:
            if exception is None and not self._may_proceed:
                raise OutcomeNotRecorded(f"the outcome of {execution.trace_id} is not recorded: {error}") from error
            logger.error("the outcome of %s is not recorded: %s", execution.trace_id, error)

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
        flush() and close() wait for it. Raises ValueError, Problem while the service refuses the key, and NotRecorded
        when the queue stays full for `timeout` seconds, or can be neither sent nor spooled.
        """
        record = _records.new_record(agent, status=status, mode=mode, **more)
        try:
            self._delivery.enqueue(record)
        except RingfenceError as error:
            self._proceed_despite(error)
        return _records.id_of(record)

    def flush(self, timeout: float = 30.0) -> None:
        """Return once each queued record was stored or spooled.

        Raises InvalidRequest when the service has refused one of them, and NotRecorded after so many seconds.
        """
        self._delivery.flush(timeout)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._delivery.is_closed

    @property
    def spooled(self) -> int:
        """How many records wait in the spool. Raises NotRecorded if it cannot be read."""
        return self._delivery.spooled()

    def logs(self, **filters: Unpack[_reading.Filters]) -> Iterator[_reading.StoredRecord]:
        """Yield the records that the filters find, newest first unless order="asc", page by page.

        Raises Problem and Unavailable. Records that are written meanwhile make none appear twice or go missing.
        """
        query = _reading.parameters(filters, limit=str(_reading.PAGE_RECORDS))
        while True:
            request = self._http.build_request("GET", _wire.LOGS, params=query)
            try:
                answer = self._http.send(_wire.quiet(request))
            except httpx.HTTPError as error:
                raise _wire.unreachable(error) from error
            _wire.refuse(answer)
            page = answer.json()
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
            if answer.status_code != 200:
                answer.read()
            _wire.refuse(answer)
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

    def _proceed_despite(self, error: RingfenceError) -> None:
        if not self._may_proceed:
            raise error
        logger.error("work proceeds unrecorded: %s", error)

    def _send_or_spool(self, record: str) -> None:
        cause: Unavailable | None = None
        if self._delivery.is_replaying:
            self._delivery.make_way()
        if not self._delivery.is_spooling:
            try:
                self._send(record)
                return
            except Unavailable as error:
                cause = error
        self._delivery.keep([record], cause)

    def _send(self, record: str) -> None:
        try:
            answer = self._http.post(_wire.LOGS, **_wire.body_of([record]))
        except httpx.HTTPError as error:
            raise _wire.unreachable(error) from error
        self._delivery.note_tenant(_wire.stored_for(answer, 1))
