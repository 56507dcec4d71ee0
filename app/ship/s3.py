"""S3, and what speaks it: a batch is one object, which can be locked; the position is an object beside them."""

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import httpx
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from app.ship.batch import Batch, NotTaken, order_of
from app.ship.positions import BadPositions, Standing

T = TypeVar("T")

_FAILED = (BaseError, OSError)
"""What obstore raises. Their messages quote the answer, so only their kinds are told."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Object lock of what is written. mode: GOVERNANCE or COMPLIANCE. days: for which at least."""

    mode: str
    days: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """The part of a bucket below a prefix. options: endpoint, region and the key, as obstore names them.

    seconds: for one call.
    """

    name: str
    prefix: str
    seconds: float
    options: dict[str, Any]
    _thread: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 1), init=False, compare=False)

    async def call(self, function: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """Call a function of obstore in a thread of this bucket alone. Raises what it raises, and TimeoutError.

        Not its coroutines: threads of its own end those, and when Python ends meanwhile the process is aborted. Not
        asyncio's threads either: stores that do not answer would hold up others.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.seconds):
            return await loop.run_in_executor(self._thread, partial(function, *arguments, **more))

    def connect(self, headers: dict[str, str] | None = None) -> S3Store:
        """Return a client of it. headers: of every request, and part of what is signed."""
        limit = timedelta(seconds=self.seconds)
        config: Any = self.options | {"checksum_algorithm": "sha256"}  # which the store compares with what it got
        return S3Store(
            self.name,
            prefix=self.prefix,
            config=config,
            # The file lets http pass on this machine alone; an endpoint of the environment may not lead past that.
            client_options={
                "timeout": limit,
                "connect_timeout": limit,
                "allow_http": str(self.options.get("endpoint", "")).startswith("http://"),
                "default_headers": headers or {},
            },
            # Tried again by the shipper: a PUT that is repeated in here would not find its own condition met.
            retry_config={"max_retries": 0, "retry_timeout": limit},
        )


class Objects:
    """Takes a batch as one object, never overwritten: TENANT/EPOCH.FIRST-EPOCH.LAST.SHA256.ndjson."""

    def __init__(self, bucket: Bucket, lock: Lock | None) -> None:
        self._bucket, self._lock = bucket, lock
        self._headers = _lock_headers(lock)
        self._store = bucket.connect(self._headers)
        self._is_seen_to_lock = lock is None

    async def send(self, batch: Batch) -> None:
        """See Destination. Taken is what the store has answered for, or has already under this name."""
        body = b"\n".join(batch.lines) + b"\n"
        name = name_of(batch, body)
        if (headers := _lock_headers(self._lock)) != self._headers:  # another day has begun
            self._store, self._headers = self._bucket.connect(headers), headers
        try:
            try:
                await self._bucket.call(obstore.put, self._store, name, body, mode="create", use_multipart=False)
            except AlreadyExistsError:  # any 409: AWS also means by one that it has taken nothing
                await self._see_kept(name)
            if not self._is_seen_to_lock:
                await self._see_locked(name)
        except (*_FAILED, httpx.HTTPError) as error:
            raise NotTaken(type(error).__name__) from None

    async def close(self) -> None:
        """See Destination."""

    async def _see_kept(self, name: str) -> None:
        """Return once the store says that it has the object, locked where it is to be. Its name has its content's hash.

        Raises NotTaken where it has none: what conflicted was another write, or the end of one that failed.
        """
        if self._lock is not None:
            await self._see_locked(name)
            return
        try:
            await self._bucket.call(obstore.head, self._store, name)
        except FileNotFoundError:
            raise NotTaken("the store answers that there is a conflict, and has no object of this name") from None

    async def _see_locked(self, name: str) -> None:
        """Return once the store says that an object is locked: one that knows no lock may pass over the headers.

        obstore does not show what the answer to a HEAD has of the lock.
        """
        limit = timedelta(seconds=self._bucket.seconds)
        url = await self._bucket.call(obstore.sign, self._store, "HEAD", name, limit)
        # Certificates and proxies as obstore has them.
        async with httpx.AsyncClient(verify=ssl.create_default_context(), timeout=self._bucket.seconds) as client:
            answer = await client.head(url)
        if answer.headers.get("x-amz-object-lock-mode") != self._headers["x-amz-object-lock-mode"]:
            raise NotTaken(f"the store does not say that the object is locked: answer {answer.status_code} to its HEAD")
        self._is_seen_to_lock = True


class ObjectPositions:
    """Keeps a standing as TENANT/position.json, written only over what was read: two shippers do not mix."""

    def __init__(self, bucket: Bucket, tenant: str) -> None:
        self._bucket, self._store, self._name = bucket, bucket.connect(), f"{tenant}/position.json"
        self._read: dict[str, str] | None = None

    async def load(self) -> Standing:
        """See Positions."""
        try:
            found = await self._bucket.call(obstore.get, self._store, self._name)
            text = bytes(await self._bucket.call(found.bytes))
        except FileNotFoundError:
            self._read = None
            return Standing()
        except _FAILED as error:
            raise BadPositions(f"{self._name} cannot be read: {type(error).__name__}") from None
        self._read = _update_of(found.meta["e_tag"], found.meta["version"])
        try:
            return Standing.from_json(text)
        except BadPositions as error:
            raise BadPositions(f"{self._name}: {error}") from None

    async def save(self, standing: Standing) -> None:
        """See Positions."""
        mode: Any = self._read or "create"
        try:
            done = await self._bucket.call(
                obstore.put, self._store, self._name, standing.to_json(), mode=mode, use_multipart=False
            )
        except _FAILED as error:
            raise BadPositions(f"{self._name} cannot be written: {type(error).__name__}") from None
        self._read = _update_of(done["e_tag"], done["version"])


def name_of(batch: Batch, body: bytes) -> str:
    """Return the name of a batch: the leaves that it covers, so that names sort as leaves do, and its SHA-256."""
    (epoch, first), (last_epoch, size) = order_of(batch.after), order_of(batch.position)
    leaves = f"{epoch:09}.{first:018}-{last_epoch:09}.{size - 1:018}"
    return f"{batch.tenant}/{leaves}.{hashlib.sha256(body).hexdigest()}.ndjson"


def _update_of(e_tag: str | None, version: str | None) -> dict[str, str]:
    """Return the mode of a PUT over this version alone. A bucket without versions names none; obstore takes no None."""
    return {name: value for name, value in (("e_tag", e_tag), ("version", version)) if value is not None}


def _lock_headers(lock: Lock | None) -> dict[str, str]:
    if lock is None:
        return {}
    # The end of a day: a client keeps its headers, so there is a new one each day, and not one for each object.
    until = (datetime.now(UTC) + timedelta(days=lock.days + 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "x-amz-object-lock-mode": lock.mode,
        "x-amz-object-lock-retain-until-date": f"{until:%Y-%m-%dT%H:%M:%SZ}",
        "x-amz-sdk-checksum-algorithm": "SHA256",  # without which, or a Content-MD5, stores refuse to lock
    }
