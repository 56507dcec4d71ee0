"""Takes in what other services send to be recorded: one record, an array, or a stream of lines."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from app.http.credentials import tenant_of
from app.http.strict_route import MOST_BODY_SECONDS, hold, off_the_loop, refuse_encoded_or_large
from app.model.credential import Caller, Credential
from app.model.record import AuditEvent
from app.model.record_shapes import Record
from app.model.refusals import InvalidRequest
from app.services.audit_logger import AuditLogger
from app.services.batch import Batch
from app.services.concurrency.limiter import Limiter

JSON, NDJSON = "application/json", "application/x-ndjson"
MOST_SILENCE = 30.0
"""Seconds that a caller may send nothing of a body that it has begun."""
MOST_SECONDS = 300.0
"""For all of a body of lines. There are few places for them."""


class BulkIntake:
    """Reads records to the end, and then has them stored, all or none."""

    def __init__(
        self, audit_logger: AuditLogger, *, max_body_bytes: int, max_bulk_bytes: int, max_requests: int
    ) -> None:
        """max_body_bytes: of a JSON body, which is read as a whole; max_bulk_bytes: of a stream of lines.

        max_requests: streams of lines that are taken at once; each may fill max_bulk_bytes of the disk. A tenant holds
        at most three quarters of what the others leave: a slow caller keeps its place for minutes, and cannot be sent
        away.
        """
        self._audit_logger = audit_logger
        self._max_body_bytes = max_body_bytes
        self._max_bulk_bytes = max_bulk_bytes
        self._limiter = Limiter(max_requests, busy="too many requests with many records at once", max_share=0.75)

    async def take(self, credential: Credential, request: Request) -> dict[str, Any]:
        """Store the records of `request` and return the fields of RecordsResponse, once they are committed.

        Raises InvalidRequest, which names the line or index of the first record that is refused, IdempotencyKeyReused,
        ScopeMissing, StorageUnavailable when too much is going on, and HTTPException 400, 408 or 413 when the body ends
        early, does not go on, or is too large. Nothing was stored then.
        """
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in (JSON, NDJSON):
            raise InvalidRequest.field("body", f"{JSON} or {NDJSON} is needed")
        most_bytes = self._max_body_bytes if media_type == JSON else self._max_bulk_bytes
        refuse_encoded_or_large(request, most_bytes, f"a body of {media_type} has at most {most_bytes} bytes")
        keys = request.headers.getlist("idempotency-key")
        if len(keys) > 1:
            raise InvalidRequest.field("Idempotency-Key", "stands twice in the request")
        key = keys[0] if keys else None

        with Batch(media_type) as batch:
            if media_type == JSON:
                await off_the_loop(request, batch.read_json, await self._whole(request))
                caller: Caller = request.scope["caller"]
                caller.refuse_without({"import" if batch.is_import else "write"})
                if batch.single is not None and key is None and not batch.is_import:
                    stored = await self._audit_logger.write_log(credential, _event(batch.single))
                    return {**stored.as_response(), **json.loads(batch.answer)}
                return await self._store(credential, batch, key)
            async with self._limiter.hold(tenant_of(request)):
                await batch.read_lines(_pieces(request, MOST_SECONDS), self._max_bulk_bytes)
                return await self._store(credential, batch, key)

    async def _store(self, credential: Credential, batch: Batch, key: str | None) -> dict[str, Any]:
        stored = await self._audit_logger.write_logs(credential, batch, key)
        return {**stored.as_response(), **json.loads(batch.answer)}

    async def _whole(self, request: Request) -> bytes:
        body = bytearray()
        async for piece in _pieces(request, MOST_BODY_SECONDS):
            hold(request, len(piece))
            body += piece
            if len(body) > self._max_body_bytes:
                raise HTTPException(
                    413, f"a JSON body has at most {self._max_body_bytes} bytes; send more records as {NDJSON}"
                )
        return bytes(body)


async def _pieces(request: Request, most_seconds: float) -> AsyncIterator[bytes]:
    pieces = request.stream()
    until = time.monotonic() + most_seconds
    while True:
        try:
            async with asyncio.timeout(min(MOST_SILENCE, until - time.monotonic())):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise HTTPException(408, "the body did not go on") from None
        except ClientDisconnect:
            raise HTTPException(400, "the body ended early") from None  # nobody hears it
        yield piece


def _event(record: Record) -> AuditEvent:
    return AuditEvent(
        id=UUID(record["id"]),
        trace_id=record.get("trace_id"),
        agent_id=record["agent_id"],
        mode=record["mode"],
        status=record["status"],
        user_id=record.get("user_id"),
        http_status=record.get("http_status"),
        latency_ms=record.get("latency_ms"),
        error=record.get("error"),
    )
