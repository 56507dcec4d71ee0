"""S3, and what speaks it: a batch is one object, and the position is an object beside them."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from app.ship.batch import Batch, NotTaken, order_of
from app.ship.positions import BadPositions, Standing

_FAILED = (BaseError, OSError)
"""What obstore raises. Their messages quote the answer, so only their kinds are told."""


def connect(bucket: str, prefix: str, seconds: float, config: Any) -> S3Store:
    """Return the part of a bucket below a prefix. config: endpoint, region and the key, as obstore names them."""
    limit = timedelta(seconds=seconds)
    config |= {"checksum_algorithm": "sha256"}  # which the store compares with what it got
    return S3Store(
        bucket,
        prefix=prefix,
        config=config,
        # The file lets http pass on this machine alone; an endpoint of the environment may not lead past that.
        client_options={
            "timeout": limit,
            "connect_timeout": limit,
            "allow_http": str(config.get("endpoint", "")).startswith("http://"),
        },
        # Tried again by the shipper: a PUT that is repeated in here would not find its own condition met.
        retry_config={"max_retries": 0, "retry_timeout": limit},
    )


class Objects:
    """Takes a batch as one object, never overwritten: TENANT/EPOCH.FIRST-EPOCH.LAST.SHA256.ndjson."""

    def __init__(self, store: S3Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds

    async def send(self, batch: Batch) -> None:
        """See Destination. Taken is what the store has answered for, or has already under this name."""
        body = b"\n".join(batch.lines) + b"\n"
        try:
            async with asyncio.timeout(self._seconds):
                await obstore.put_async(self._store, name_of(batch, body), body, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return  # its name has the hash of its content
        except _FAILED as error:
            raise NotTaken(type(error).__name__) from None

    async def close(self) -> None:
        """See Destination."""


class ObjectPositions:
    """Keeps a standing as TENANT/position.json, written only over what was read: two shippers do not mix."""

    def __init__(self, store: S3Store, tenant: str, seconds: float) -> None:
        self._store, self._name, self._seconds = store, f"{tenant}/position.json", seconds
        self._read: dict[str, Any] | None = None

    async def load(self) -> Standing:
        """See Positions."""
        try:
            async with asyncio.timeout(self._seconds):
                found = await obstore.get_async(self._store, self._name)
                text = bytes(await found.bytes_async())
        except FileNotFoundError:
            self._read = None
            return Standing()
        except _FAILED as error:
            raise BadPositions(f"{self._name} cannot be read: {type(error).__name__}") from None
        self._read = {"e_tag": found.meta["e_tag"], "version": found.meta["version"]}
        return Standing.from_json(text)

    async def save(self, standing: Standing) -> None:
        """See Positions."""
        mode: Any = self._read or "create"
        try:
            async with asyncio.timeout(self._seconds):
                done = await obstore.put_async(
                    self._store, self._name, standing.to_json(), mode=mode, use_multipart=False
                )
        except _FAILED as error:
            raise BadPositions(f"{self._name} cannot be written: {type(error).__name__}") from None
        self._read = {"e_tag": done["e_tag"], "version": done["version"]}


def name_of(batch: Batch, body: bytes) -> str:
    """Return the name of a batch: the leaves that it covers, so that names sort as leaves do, and its SHA-256."""
    (epoch, first), (last_epoch, size) = order_of(batch.after), order_of(batch.position)
    leaves = f"{epoch:09}.{first:018}-{last_epoch:09}.{size - 1:018}"
    return f"{batch.tenant}/{leaves}.{hashlib.sha256(body).hexdigest()}.ndjson"
