"""Witnesses: other people's servers (C2SP tlog-witness), which cosign a checkpoint that extends what they have seen.

A witness remembers for us: it refuses a head that does not extend the last one it cosigned, also when our own memory
and the database went back together.
"""

import asyncio
import logging
import time
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from app.outside import OutsideFailed, send, url_fault
from app.sign import notes
from app.sign.heads import Head, HeadRefused
from app.sign.notes import BadNote
from app.terminal_text import printable

logger = logging.getLogger("ringfence.sign")

Prove = Callable[[Head, int], Awaitable[Sequence[bytes]]]
"""Returns the proof that a head extends the tree of so many leaves."""

_PAUSE_SECONDS = 10.0
"""For which a witness that failed is not asked again: it then delays one head in ten seconds, not every one."""
_MAX_CLOCK_SKEW = 300
"""Seconds by which a cosignature may lie in the future."""


def _good_url(url: str) -> str:
    if found := url_fault(url):
        raise ValueError(found)
    return url.rstrip("/")


def _good_vkey(text: str) -> str:
    if notes.parse_vkey(text).kind != notes.COSIGNATURE:
        raise ValueError("the key of a log, and not of a witness (type 4)")
    return text


class WitnessEntry(BaseModel):
    """One table of WITNESSES_FILE. url: the submission prefix. vkey: of its Ed25519 cosignatures."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_good_url)]
    vkey: Annotated[str, AfterValidator(_good_vkey)]


def load(path: Path | None) -> dict[str, WitnessEntry]:
    """Read WITNESSES_FILE, a table `[witnesses.NAME]` for each. Raises OSError, or ValueError with one line."""
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {printable(error)}") from None
    tables = document.get("witnesses", {})
    if document.keys() - {"witnesses"} or not isinstance(tables, dict):
        raise ValueError(f"{path}: wants tables [witnesses.NAME] and nothing else")
    found = {}
    for name, table in tables.items():
        try:
            found[name] = WitnessEntry.model_validate(table)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            field = ".".join(map(str, first["loc"])) or "table"
            message = first["msg"].removeprefix("Value error, ")
            raise ValueError(printable(f"{path}: witness {name}: {field}: {message}")) from None
    if len({each.vkey for each in found.values()}) < len(found):
        raise ValueError(f"{path}: one witness stands there twice, and would count twice")
    return found


class Witness:
    """One witness, and what it has cosigned as far as this process knows."""

    def __init__(self, name: str, entry: WitnessEntry, client: httpx.AsyncClient) -> None:
        self.name = name
        self._url = f"{entry.url}/add-checkpoint"
        self._key = notes.parse_vkey(entry.vkey)
        self._client = client
        self._cosigned: dict[str, int] = {}  # by origin; what is missing or wrong the witness tells itself
        self._paused_until = 0.0

    async def cosign(self, head: Head, note: str, prove: Prove, seconds: float) -> str | None:
        """Return the cosignature line of a signed head, None when the witness is not there. Raises HeadRefused."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(head, note, prove, seconds)
        except (OutsideFailed, BadNote, TimeoutError) as error:
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            why = str(error) or f"not done within {seconds:g} seconds"
            logger.warning("witness %s did not cosign, and is left alone for a while: %s", self.name, why)
            return None

    async def _ask(self, head: Head, note: str, prove: Prove, seconds: float) -> str:
        checkpoint, _ = notes.parse(note)
        for _ in range(2):  # the witness may have cosigned less or more than this process knows, and says so once
            old = self._cosigned.get(checkpoint.origin, 0)
            proof = await prove(head, old) if 0 < old < head.size else []
            lines = "".join(f"{notes.encode(each)}\n" for each in proof)
            body = f"old {old}\n{lines}\n{note}".encode()
            answer = await send(self._client, "POST", self._url, body, {"Content-Type": "text/plain"}, seconds)
            if answer.status == 200:
                line = self._cosignature(checkpoint, answer.body)
                self._cosigned[checkpoint.origin] = head.size
                return line
            if answer.status == 409 and answer.media_type == "text/x.tlog.size":
                seen = self._size(answer.body)
                if seen > head.size:
                    raise HeadRefused(
                        f"witness {self.name} has cosigned {seen} leaves, and this memory and the database end at"
                        f" {head.size}: both went back, or another signer has used this key"
                    )
                self._cosigned[checkpoint.origin] = seen
                continue
            if answer.status in (409, 422):
                raise HeadRefused(
                    f"witness {self.name} has cosigned other leaves than these: answer {answer.status} to a proof"
                    f" from {old} to {head.size} leaves"
                )
            raise OutsideFailed(f"answer {answer.status}")
        raise OutsideFailed("it changes its mind about what it has cosigned")

    def _cosignature(self, checkpoint: notes.Checkpoint, body: bytes) -> str:
        """Return the one line of this witness's key that is valid. Raises BadNote."""
        try:
            signatures = notes.parse_signatures(body.decode())
        except UnicodeDecodeError:
            raise BadNote("not a signature line") from None
        mine = [each for each in signatures if (each.name, each.key_id) == (self._key.name, self._key.id)]
        if len(mine) != 1 or not notes.is_signed(checkpoint.text, mine, self._key):
            raise BadNote("no cosignature of its key")
        if int.from_bytes(mine[0].signature[:8], "big") > time.time() + _MAX_CLOCK_SKEW:
            raise BadNote("a cosignature from the future")
        return str(mine[0])

    @staticmethod
    def _size(body: bytes) -> int:
        text = body.decode("ascii", "replace")
        if not text.endswith("\n") or not text[:-1].isdecimal() or len(text) > 20 or str(int(text)) != text[:-1]:
            raise OutsideFailed("a conflict without a size")
        return int(text)


async def cosign_all(witnesses: Sequence[Witness], head: Head, note: str, prove: Prove, seconds: float) -> list[str]:
    """Ask all witnesses at once; return the cosignature lines that came in time. Raises HeadRefused if one refuses."""
    answers = await asyncio.gather(
        *(each.cosign(head, note, prove, seconds) for each in witnesses), return_exceptions=True
    )
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if isinstance(answer, str)]
