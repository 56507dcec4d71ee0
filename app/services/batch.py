"""The records of one request, on their way from the caller to the store.

All of them are read and their shape is checked before the store begins, so that a slow caller holds no transaction.
Meanwhile they are in a temporary file without a name; memory holds a megabyte of them at most.
"""

import asyncio
import codecs
import hashlib
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from app.model.record import Fields, as_stored
from app.model.record_checks import check_shape, refuse_broken_rule
from app.model.refusals import BodyTooLarge, InvalidRequest, StorageUnavailable
from app.model.strict_json import dump, parse
from app.model.uuid_v7 import uuid_v7_texts

logger = logging.getLogger("ringfence")

MAX_RECORDS = 100_000
"""Of one request."""
MAX_LINE_BYTES = 65_536
"""Of one line; the longest record that the rules allow, written with escapes, takes about two thirds of it."""
CHUNK_RECORDS = 2_000
CHUNK_BYTES = 2_097_152
"""Of one INSERT. The tenant is entered anew with each, and a proof lasts five seconds."""
_MAX_BYTES_IN_MEMORY = 1_048_576
_LINES_IN_A_ROW = 200
"""Lines read before the event loop serves others: about a millisecond."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records in their order. first: the position of the first, from 1; records: a JSON array."""

    first: int
    records: str


class Batch:
    """Records of one request. Close it, and its file is gone.

    count: records so far. is_import: whether they have times of their own; all of them have, or none. single: the
    record, where it came alone and not as a line or in an array. refusal: of the first record with a wrong shape. The
    store raises it unless a record before that one breaks a rule, and stores nothing.
    """

    def __init__(self, media_type: str) -> None:
        """media_type: of the body; the same bytes under another media type are another request."""
        self._sha256 = hashlib.sha256(media_type.encode() + b"\n")
        self._file = tempfile.SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY)  # noqa: SIM115  close() closes it
        self._ids = uuid_v7_texts()  # its own: another batch may be read in another thread
        self._place = "line"
        self.count = 0
        self.is_import = False
        self.single: Fields | None = None
        self.refusal: InvalidRequest | None = None

    @property
    def answer(self) -> str:
        """The answer once they are stored, as JSON text, without the tenant."""
        return json.dumps({"count": self.count, "id": self.single["id"] if self.single else None})

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of media type and body."""
        return self._sha256.digest()

    def read_json(self, body: bytes) -> None:
        """Read one record, or an array of records. Raises what read_lines() raises."""
        self._sha256.update(body)
        value = _parsed(body.removeprefix(codecs.BOM_UTF8))
        if not isinstance(value, list):
            self._add(value)
            self.single = value
            return
        self._place = "index"
        try:
            for element in value:
                self._add(element)
        except InvalidRequest as refusal:
            self._refuse(refusal)
        self._refuse_empty()

    async def read_lines(self, body: AsyncIterator[bytes]) -> None:
        """Read one record a line, while the body comes in.

        Raises InvalidRequest when the first record is wrong: of a later one it is kept as `refusal`, and nothing more
        is read. Raises BodyTooLarge for too many records, and StorageUnavailable when the disk is full.
        """
        rest = b""
        try:
            async for piece in body:
                self._sha256.update(piece)
                *lines, rest = (rest + piece).split(b"\n")
                for number, line in enumerate(lines, 1):
                    self._add_line(line)
                    if number % _LINES_IN_A_ROW == 0:
                        await asyncio.sleep(0)
                if len(rest) > MAX_LINE_BYTES:
                    self._add_line(rest)
            if rest:
                self._add_line(rest)
        except InvalidRequest as refusal:
            self._refuse(refusal)
        self._refuse_empty()

    def add(self, record: Fields) -> None:
        """Take one more record, read elsewhere. Raises what read_lines() raises; the record is left out then."""
        self._place = "index"
        self._add(record)

    def fields(self) -> Iterator[Fields]:
        """Yield the records from the beginning."""
        return map(json.loads, self._lines())

    def chunks(self) -> Iterator[Chunk]:
        """Yield the records from the beginning, in chunks."""
        first, lines, size = 1, [], 0
        for line in self._lines():
            lines.append(line)
            size += len(line)
            if len(lines) == CHUNK_RECORDS or size >= CHUNK_BYTES:
                yield Chunk(first, _array(lines))
                first, lines, size = first + len(lines), [], 0
        if lines:
            yield Chunk(first, _array(lines))

    def stored_records(self, tenant_id: str) -> Iterator[Fields]:
        """Yield the records from the beginning, as a store without rules of its own keeps them.

        Raises InvalidRequest, with its place, at the first record that is refused.
        """
        for position, fields in enumerate(self.fields(), 1):
            record = as_stored(tenant_id, fields)
            try:
                refuse_broken_rule(record)
            except InvalidRequest as refusal:
                raise self.placed(refusal, position) from None
            yield record
        if self.refusal is not None:
            raise self.refusal

    def placed(self, refusal: InvalidRequest, position: int) -> InvalidRequest:
        """Return `refusal` with the line (from 1) or index (from 0) of the record. One alone needs neither."""
        if self.single is not None:
            return refusal
        number = position if self._place == "line" else position - 1
        errors = refusal.errors or [{"field": "record", "detail": refusal.detail}]
        return InvalidRequest(
            f"{self._place} {number}: {refusal.detail}", [{**error, self._place: number} for error in errors]
        )

    def close(self) -> None:
        """Delete the file."""
        with suppress(OSError):  # closing writes once more what the disk had no room for
            self._file.close()

    def _lines(self) -> Iterator[bytes]:
        try:
            self._file.seek(0)  # writes what is still in a buffer
        except OSError as error:
            raise _no_room(error) from error
        return iter(self._file)

    def _refuse(self, refusal: InvalidRequest) -> None:
        """Keep the refusal of the record that was read last, or raise it when there was no record before it."""
        refusal = self.placed(refusal, self.count + 1)
        if not self.count:
            raise refusal from None
        self.refusal = refusal

    def _refuse_empty(self) -> None:
        if not self.count:
            raise InvalidRequest.field("body", "there is no record")

    def _add_line(self, line: bytes) -> None:
        if len(line) > MAX_LINE_BYTES:
            raise InvalidRequest.field("body", f"a line has at most {MAX_LINE_BYTES:,} bytes")
        if not self.count:
            line = line.removeprefix(codecs.BOM_UTF8)
        line = line.strip(b" \t\r")
        if not line:
            raise InvalidRequest.field("body", "the line is empty")
        self._add(_parsed(line), line)

    def _add(self, record: Any, line: bytes | None = None) -> None:
        """Check one record and write it to the file. line: its JSON text, where that is known."""
        is_changed = check_shape(record, escapes=line is None or b"\\" in line)
        is_import = record.get("created_at") is not None
        if self.count == MAX_RECORDS:
            raise BodyTooLarge(f"a request has at most {MAX_RECORDS:,} records")
        if not self.count:
            self.is_import = is_import
        elif self.is_import != is_import:
            raise InvalidRequest.field("created_at", "stands in every record of a request, or in none")
        if line is None or is_changed:
            line = dump(record).encode()
        if "id" not in record:
            record["id"] = next(self._ids)
            line = b'{"id":"%b",%b' % (record["id"].encode(), line[1:])
        try:
            self._file.write(line + b"\n")
        except OSError as error:
            raise _no_room(error) from error
        self.count += 1


def _parsed(text: bytes) -> Any:
    try:
        return parse(text)
    except json.JSONDecodeError as error:
        raise InvalidRequest.field("body", f"not JSON at character {error.pos}: {error.msg}") from None


def _array(lines: list[bytes]) -> str:
    return "[" + b",".join(lines).decode() + "]"


def _no_room(error: OSError) -> StorageUnavailable:
    logger.error("no temporary file can be written: %s", error.strerror)
    return StorageUnavailable("the service has no room on its disk for a request of this size")


def warn_without_temporary_files() -> None:
    """Log a warning if no temporary file can be written."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"room")
            file.flush()
    except OSError as error:
        logger.warning("requests of more than a megabyte of records get 503: no temporary file: %s", error.strerror)
