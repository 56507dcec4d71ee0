"""Takes records of other services: one record, an array, or lines. All of a request are stored, or none."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass

from app.model.credential import Caller, Credential
from app.model.record import Record
from app.services.audit_logger import AuditLogger, Stored
from app.services.batch import Batch
from app.services.concurrency.limiter import Limiter

JSON, NDJSON = "application/json", "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Taken:
    """Records that were stored, now or by an earlier request. id: of a single one that came alone, not in an array."""

    stored: Stored
    count: int
    id: str | None


class BulkIntake:
    """Reads the records of a request to the end, and then has them stored."""

    def __init__(self, audit_logger: AuditLogger, *, max_streams: int) -> None:
        """max_streams: bodies of lines that are read at once, each of which may fill MAX_BULK_BYTES of the disk.

        A tenant holds at most three quarters of what the others leave: a slow caller keeps a stream for minutes, and
        cannot be sent away.
        """
        self._audit_logger = audit_logger
        self._limiter = Limiter(max_streams, busy="too many requests with many records at once", max_share=0.75)

    async def take(
        self,
        credential: Credential,
        caller: Caller,
        body: AsyncIterator[bytes],
        media_type: str,
        idempotency_key: str | None,
        off_the_loop: Callable[[Callable[[bytes], None], bytes], Awaitable[None]],
    ) -> Taken:
        """Store the records of `body`, and return once they are committed.

        off_the_loop: calls a function with a body, in a thread if that takes long. Raises InvalidRequest, which names
        the line or index of the first refused record, IdempotencyKeyReused, ScopeMissing, BodyTooLarge, and
        StorageUnavailable when there are too many requests, and whatever `body` raises. Nothing was stored then.
        """
        is_stream = media_type == NDJSON
        async with self._limiter.hold(caller.tenant_id) if is_stream else nullcontext():
            with closing(Batch(media_type)) as batch:
                if is_stream:
                    await batch.read_lines(body)
                else:
                    await off_the_loop(batch.read_json, b"".join([piece async for piece in body]))
                caller.refuse_without({"import" if batch.is_import else "write"})
                if batch.single is not None and idempotency_key is None and not batch.is_import:
                    stored = await self._audit_logger.write_log(credential, Record.from_fields(batch.single))
                else:
                    stored = await self._audit_logger.write_logs(credential, batch, idempotency_key)
                return Taken(stored, **json.loads(stored.earlier_answer or batch.answer))
