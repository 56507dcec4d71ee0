"""Takes spans: those of agents become records, the others are counted and dropped.

The records of a request are stored together, as those of POST /api/v1/audit/logs are. Where that differs: a span that
is refused does not keep the others out, because an exporter drops what it has sent once it is answered.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from app.model.credential import Caller, Credential
from app.model.record import Record
from app.model.record_checks import refuse_broken_rule
from app.model.refusals import InvalidRequest
from app.services.audit_logger import AuditLogger
from app.services.batch import Batch
from app.services.otlp.requests import Received
from app.services.otlp.spans import as_record
from app.telemetry.metrics import SPANS

_AT_ONCE = 32
"""Records of one request that are on their way when each is stored alone."""


@dataclass(slots=True)
class SpansTaken:
    """What became of the spans of a request. refused, remarks: how many spans for each reason."""

    recorded: int = 0
    dropped: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> int:
        """The number of spans that should be records and are not."""
        return self.refused.total()

    @property
    def message(self) -> str:
        """Why, for people; empty when there is nothing to say. Repeats nothing of the spans."""
        reasons = [*self.refused.most_common(), *self.remarks.most_common()]
        return "; ".join(f"{count} of the spans: {reason}" for reason, count in reasons)


async def take_spans(
    audit_logger: AuditLogger,
    credential: Credential,
    caller: Caller,
    body: AsyncIterator[bytes],
    read: Callable[[bytes], Iterator[Received]],
    off_the_loop: Callable[[Callable[[bytes], None], bytes], Awaitable[None]],
) -> SpansTaken:
    """Store a record for each span of an agent, and return once they are committed.

    read: read_protobuf() or read_json(). off_the_loop: calls a function with a body, in a thread if that takes long.
    Raises InvalidRequest when the body is no export request, BodyTooLarge, StorageUnavailable, OutcomeUnknown, and
    whatever `body` raises. Some of the records may be stored then; sent again, each span is stored once.
    """
    taken = SpansTaken()
    with closing(Batch("spans")) as batch:
        whole = b"".join([piece async for piece in body])
        await off_the_loop(partial(_fill, batch, taken, read, caller.tenant_id), whole)
        if batch.count > 1:
            try:
                await audit_logger.write_logs(credential, batch, None)
                taken.recorded = batch.count
            except InvalidRequest:  # an id belongs to another record: the same span came before, with other contents
                await _write_each(audit_logger, credential, batch, taken)
        elif batch.count:
            await _write_each(audit_logger, credential, batch, taken)
    for outcome, count in (("recorded", taken.recorded), ("dropped", taken.dropped), ("rejected", taken.rejected)):
        SPANS.labels(outcome).inc(count)
    return taken


def _fill(
    batch: Batch, taken: SpansTaken, read: Callable[[bytes], Iterator[Received]], tenant_id: str, body: bytes
) -> None:
    """Put the records of the spans that are to be stored into `batch`."""
    for span, service_name in read(body):
        try:
            mapped = as_record(span, service_name, tenant_id)
            if mapped is None:
                taken.dropped += 1
                continue
            refuse_broken_rule(mapped.fields)
            batch.add(mapped.fields)
        except InvalidRequest as refusal:
            taken.refused[refusal.detail] += 1
        else:
            if mapped.remark:
                taken.remarks[mapped.remark] += 1


async def _write_each(audit_logger: AuditLogger, credential: Credential, batch: Batch, taken: SpansTaken) -> None:
    """Store each record by itself, beside those of other requests; count those that the store refuses."""
    records = batch.fields()
    while some := list(islice(records, _AT_ONCE)):
        writes = [audit_logger.write_log(credential, Record.from_fields(fields)) for fields in some]
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, InvalidRequest):
                taken.refused[outcome.detail] += 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                taken.recorded += 1
