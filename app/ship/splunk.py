"""Splunk's HTTP Event Collector, with indexer acknowledgement.

A POST that is answered with 200 has only arrived. What is acknowledged is indexed.
"""

import asyncio
import json
import uuid
from typing import Any

import httpx

from app.model.strict_json import parse
from app.outside import OutsideFailed, send
from app.ship.batch import Batch, NotTaken
from app.ship.moments import moment_of

_FIRST_PAUSE = 0.1
_MAX_PAUSE = 2.0
"""Seconds between two questions whether a batch is indexed."""


class Splunk:
    """Takes a batch as one POST of events, each with the time of its record.

    url: of the collector, without a path. event: members of every event beside its time, such as sourcetype.
    seconds: that one request may take. ack_seconds: within which a batch is to be indexed; it is sent again then.
    """

    def __init__(
        self, client: httpx.AsyncClient, url: str, token: str, event: dict[str, str], seconds: float, ack_seconds: float
    ) -> None:
        self._client, self._url, self._event = client, f"{url.rstrip('/')}/services/collector", event
        self._seconds, self._ack_seconds = seconds, ack_seconds
        self._channel = str(uuid.uuid4())  # acknowledgements are counted on a channel, and nobody else uses this one
        self._headers = {"Authorization": f"Splunk {token}", "X-Splunk-Request-Channel": self._channel}

    async def send(self, batch: Batch) -> None:
        """See Destination. Taken is what is acknowledged."""
        body = b"\n".join(self._as_event(line) for line in batch.lines)
        answer = await self._ask(f"{self._url}/event", body)
        number = answer.get("ackId")
        if not isinstance(number, int):
            raise NotTaken("no ackId: switch indexer acknowledgement on for this token")
        try:
            async with asyncio.timeout(self._ack_seconds):
                await self._acknowledged(number)
        except TimeoutError:
            raise NotTaken(f"not acknowledged within {self._ack_seconds:g} seconds") from None

    async def close(self) -> None:
        """See Destination."""
        await self._client.aclose()

    async def _acknowledged(self, number: int) -> None:
        """Return once the batch of this number is indexed."""
        url, body = f"{self._url}/ack?channel={self._channel}", json.dumps({"acks": [number]}).encode()
        pause = _FIRST_PAUSE
        while True:
            try:
                found = (await self._ask(url, body)).get("acks")
            except NotTaken:  # asking once more is better than sending once more, which doubles
                found = None
            if isinstance(found, dict) and found.get(str(number)) is True:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MAX_PAUSE)

    async def _ask(self, url: str, body: bytes) -> dict[str, Any]:
        try:
            answer = await send(self._client, "POST", url, body, self._headers, self._seconds)
        except OutsideFailed as error:
            raise NotTaken(str(error)) from None
        if answer.status != 200:
            raise NotTaken(f"answer {answer.status}")
        try:
            found = parse(answer.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NotTaken("an answer that is no JSON object")
        return found

    def _as_event(self, line: bytes) -> bytes:
        moment = moment_of(line)
        members = {"time": f"{moment.timestamp():.6f}"} | self._event if moment else self._event
        return json.dumps(members, separators=(",", ":")).removesuffix("}").encode() + b',"event":' + line + b"}"
