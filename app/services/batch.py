"""The records of one request, on their way from the caller to the store.

They are read to the end, and their shape checked, before the store hears of them: a slow caller holds no transaction.
Meanwhile they lie in a temporary file without a name, of which the memory keeps at most a piece.
"""

import asyncio
import codecs
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any

from fastapi import HTTPException

from app.model.record_shapes import Record, checked, is_import, parsed, with_whole_numbers
from app.model.refusals import InvalidRequest
from app.services.temporary_files import room_on_disk, temporary_file

MOST_RECORDS = 100_000
"""Of one request."""
MOST_LINE_BYTES = 65_536
"""Of one line; the longest record that the rules allow takes about half of it."""
CHUNK_RECORDS = 2_000
CHUNK_BYTES = 2_097_152
"""Of one INSERT. The tenant is entered anew with each, and a proof lasts five seconds."""
_IN_MEMORY = 1_048_576
_LINES_IN_A_ROW = 200
"""That are read before the event loop serves others: about a millisecond."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records in their order. first: the position of the first, from 1; records: a JSON array."""

    first: int
    records: str


class Batch:
    """Records of one request. Close it, or use it as a context, and its file is gone.

    count: records so far. is_import: whether they bring their own times; all of them do, or none. single: the record,
    where one came alone and not as a line or in an array. refusal: of the first record that has not the shape of one;
    the store, which knows the rules, looks whether it would refuse one before it, and stores nothing.
    """

    def __init__(self, media_type: str) -> None:
        """media_type: what the records came as; the same bytes as something else are another request."""
        self._sha256 = hashlib.sha256(media_type.encode() + b"\n")
        self._file: IO[bytes] = temporary_file(_IN_MEMORY)
        self._place = "line"
        self.count = 0
        self.is_import = False
        self.single: Record | None = None
        self.refusal: InvalidRequest | None = None
        self._answer: str | None = None

    @property
    def answer(self) -> str:
        """What is answered when they are stored, as JSON text, but for the tenant."""
        if self._answer is None:
            self._answer = json.dumps({"count": self.count, "id": self.single["id"] if self.single else None})
        return self._answer

    @answer.setter
    def answer(self, earlier: str) -> None:
        self._answer = earlier

    @property
    def sha256(self) -> bytes:
        """32 bytes."""
        return self._sha256.digest()

    def read_json(self, body: bytes) -> None:
        """Take one record, or an array of records. See read_lines(). StorageUnavailable: the disk is full."""
        self._sha256.update(body)
        value = parsed(body.removeprefix(codecs.BOM_UTF8))
        if not isinstance(value, list):
            with_whole_numbers(value)
            self.single = checked(value)
            self._append(json.dumps(self.single).encode(), self.single)
            return
        self._place = "index"
        if not value:
            raise InvalidRequest.field("body", "there is no record")
        try:
            for position, element in enumerate(value, 1):
                with self.at(position):
                    with_whole_numbers(element)
                    record = checked(element)
                    self._append(json.dumps(record).encode(), record)
        except InvalidRequest as refusal:
            self._refuse(refusal)

    async def read_lines(self, body: AsyncIterator[bytes], most_bytes: int) -> None:
        """Take one record a line, as the body comes in.

        Raises InvalidRequest when the first of them is wrong already, and HTTPException 413 for a body of more than
        `most_bytes`. Of what follows a wrong line nothing is read, and `refusal` is set.
        """
        try:
            await self._read_lines(body, most_bytes)
        except InvalidRequest as refusal:
            self._refuse(refusal)

    async def _read_lines(self, body: AsyncIterator[bytes], most_bytes: int) -> None:
        rest, size = b"", 0
        async for piece in body:
            size += len(piece)
            if size > most_bytes:
                raise HTTPException(413, f"a body of records has at most {most_bytes} bytes")
            self._sha256.update(piece)
            *lines, rest = (rest + piece).split(b"\n")
            for number, line in enumerate(lines, 1):
                self._read_line(line)
                if number % _LINES_IN_A_ROW == 0:
                    await asyncio.sleep(0)
            if len(rest) > MOST_LINE_BYTES:
                self._read_line(rest)
        if rest:
            self._read_line(rest)
        if not self.count:
            raise InvalidRequest.field("body", "there is no record")

    def chunks(self) -> Iterator[Chunk]:
        """Read the records again from the beginning, a chunk at a time."""
        self._rewind()
        first, lines, size = 1, [], 0
        for line in self._file:
            lines.append(line)
            size += len(line)
            if len(lines) == CHUNK_RECORDS or size >= CHUNK_BYTES:
                yield Chunk(first, _array(lines))
                first, lines, size = first + len(lines), [], 0
        if lines:
            yield Chunk(first, _array(lines))

    def records(self) -> Iterator[tuple[int, Record]]:
        """Read the records again from the beginning, one at a time, each with its position from 1."""
        self._rewind()
        for position, line in enumerate(self._file, 1):
            yield position, json.loads(line)

    @contextmanager
    def at(self, position: int) -> Iterator[None]:
        """Say of what is refused in the block that it is the record at `position`."""
        try:
            yield
        except InvalidRequest as refusal:
            raise self.place(refusal, position) from None

    def place(self, refusal: InvalidRequest, position: int) -> InvalidRequest:
        """Return `refusal` with the line (from 1) or the index (from 0) of the record; one alone needs neither."""
        if self.single is not None:
            return refusal
        place: dict[str, Any] = {self._place: position if self._place == "line" else position - 1}
        errors = [{**error, **place} for error in refusal.errors or [{"field": "record", "detail": refusal.detail}]]
        return InvalidRequest(f"{self._place} {place[self._place]}: {refusal.detail}", errors)

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):  # what did not fit would be written once more
            self._file.close()

    def __enter__(self) -> "Batch":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _rewind(self) -> None:
        with room_on_disk():  # the end is written only now
            self._file.seek(0)

    def _refuse(self, refusal: InvalidRequest) -> None:
        if not self.count:
            raise refusal
        self.refusal = refusal

    def _read_line(self, line: bytes) -> None:
        try:
            if len(line) > MOST_LINE_BYTES:
                raise InvalidRequest.field("body", f"a line has at most {MOST_LINE_BYTES:,} bytes")
            if not self.count:
                line = line.removeprefix(codecs.BOM_UTF8)
            line = line.strip(b" \t\r")
            if not line:
                raise InvalidRequest.field("body", "the line is empty")
            value = parsed(line)
            rewritten = with_whole_numbers(value)
            named = type(value) is dict and "id" in value
            given = value["id"] if named else None
            record = checked(value, escapes=b"\\" in line)
            if rewritten or (given is None and named):
                line = json.dumps(record).encode()
            elif given is None:  # the id that was made has to come along
                line = b'{"id":"%b",%b' % (record["id"].encode(), line[1:])
            self._append(line, record)
        except InvalidRequest as refusal:
            raise self.place(refusal, self.count + 1) from None

    def _append(self, line: bytes, record: Record) -> None:
        if self.count == MOST_RECORDS:
            raise HTTPException(413, f"a request has at most {MOST_RECORDS:,} records")
        if not self.count:
            self.is_import = is_import(record)
        elif self.is_import != is_import(record):
            raise InvalidRequest.field("created_at", "stands in every record of a request, or in none")
        with room_on_disk():
            self._file.write(line + b"\n")
        self.count += 1


def _array(lines: list[bytes]) -> str:
    return "[" + b",".join(lines).decode() + "]"
