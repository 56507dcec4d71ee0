"""An HTTPS webhook, signed as Standard Webhooks has it (standardwebhooks.com, version 1.0.0)."""

import base64
import binascii
import hashlib
import hmac
import time

import httpx

from app.outside import OutsideFailed, send
from app.ship.batch import Batch, NotTaken

_PREFIX = "whsec_"


class Webhook:
    """Takes a batch as the body of a POST: a line for each record, as the feed gave it.

    webhook-id names the end of the batch. It is the same whenever the batch is sent again, so a receiver that
    remembers the ids it has taken drops what comes twice.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, key: bytes, seconds: float) -> None:
        self._client, self._url, self._key, self._seconds = client, url, key, seconds

    async def send(self, batch: Batch) -> None:
        """See Destination. Taken is what is answered with 2xx."""
        body = b"\n".join(batch.lines) + b"\n"
        identity, timestamp = batch.position.replace(".", "_"), int(time.time())  # a full stop separates what is signed
        headers = {
            "Content-Type": "application/x-ndjson",
            "webhook-id": identity,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, identity, timestamp, body),
        }
        try:
            answer = await send(self._client, "POST", self._url, body, headers, self._seconds)
        except OutsideFailed as error:
            raise NotTaken(str(error)) from None
        if not 200 <= answer.status < 300:
            raise NotTaken(f"answer {answer.status}")

    async def close(self) -> None:
        """See Destination."""
        await self._client.aclose()


def signature(key: bytes, identity: str, timestamp: int, body: bytes) -> str:
    """Return the header webhook-signature. timestamp: seconds since 1970."""
    signed = f"{identity}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def key_of(secret: str) -> bytes:
    """Return the key of a secret such as whsec_..., of 24 to 64 bytes. Raises ValueError."""
    try:
        encoded = secret.removeprefix(_PREFIX).rstrip("=")  # padded or not, both are common
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("a secret of Standard Webhooks is whsec_ and 24 to 64 bytes in Base64")
    return key
