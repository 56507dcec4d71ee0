"""The signer as a process: rounds at an interval, until SIGTERM or Ctrl-C."""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx

from app.outside import make_client
from app.sign import files, publish, witnesses
from app.sign.database import CallFailed, Database, Unavailable
from app.sign.memory import Memory
from app.sign.metrics import Metrics
from app.sign.settings import SignerSettings
from app.sign.signer import Round, Signer, Witnessing

logger = logging.getLogger("ringfence.sign")

_MAX_PAUSE = 5.0
"""Seconds between two tries of a database that cannot be reached."""
_IDLE_FACTOR = 10
_MAX_IDLE_PAUSE = 1.5
"""A look at heads of which none is new is followed by a pause of so many times its length, and of at most so many
seconds: a new head is signed within two seconds."""


class RunRefused(Exception):
    """The signer cannot start. The message names the variable."""


async def run(
    settings: SignerSettings, *, once: bool, interval: float | None = None, until_closed: int | None = None
) -> int:
    """Sign, once or until told to stop; return the exit status of --once: 1 where anything was not signed.

    until_closed: a file descriptor; it stops too when that is closed at its other end.
    """
    if settings.signer_database_url is None:
        raise RunRefused("set SIGNER_DATABASE_URL to the database, as a member of audit_signer")
    async with AsyncExitStack() as stack:
        stack.enter_context(files.locked(settings.signer_directory))
        files.forget_previous(settings.signer_directory)
        keys = files.load(settings.signer_directory)
        memory = Memory(files.memory_file(settings.signer_directory))
        stack.callback(memory.close)
        client = await stack.enter_async_context(make_client())
        database = Database(settings.signer_database_url.get_secret_value())
        stack.push_async_callback(database.close)
        publisher = publish.Publisher(_places(settings, client), memory.note_published)
        publisher.submit(memory.unpublished())
        signer = Signer(database, memory, keys, _witnessing(settings, client), publisher)
        for (tenant, epoch), reason in memory.refusals.items():
            logger.error("epoch %d of %s is still refused: %s", epoch, tenant, reason)
        if once:
            return await _once(signer, publisher)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if until_closed is not None:
            loop.add_reader(until_closed, stop.set)
            stack.callback(loop.remove_reader, until_closed)
        metrics = Metrics()
        if settings.signer_metrics_port is not None:
            try:
                stack.enter_context(metrics.served(settings.signer_metrics_host, settings.signer_metrics_port))
            except OSError as error:
                raise RunRefused(f"SIGNER_METRICS_PORT: {error}") from None
        await _until_stopped(signer, publisher, metrics, interval or settings.signer_interval, stop)
    return 0


async def _once(signer: Signer, publisher: publish.Publisher) -> int:
    try:
        done = await signer.round()
    except (Unavailable, CallFailed) as error:
        raise RunRefused(f"SIGNER_DATABASE_URL: {error}") from None
    sent = await publisher.flush()
    _log(done)
    return 0 if sent and not done.refused and not done.failed and not done.waiting else 1


async def _until_stopped(
    signer: Signer, publisher: publish.Publisher, metrics: Metrics, interval: float, stop: asyncio.Event
) -> None:
    loop = asyncio.get_running_loop()
    publishing = asyncio.create_task(publisher.run())
    pause, refused = interval, 0
    logger.info("signing, a look every %g seconds", interval)
    while not stop.is_set():
        began = loop.time()
        try:
            done = await signer.round()
        except (Unavailable, CallFailed) as error:
            pause = min(pause * 2, _MAX_PAUSE)
            logger.warning("the heads cannot be read or signed, the next try is in %g seconds: %s", pause, error)
        else:
            metrics.count(done)
            # With ten thousand idle tenants a look takes a tenth of a second: it must not take up the database.
            idle = 0 if done.signed else min((loop.time() - began) * _IDLE_FACTOR, _MAX_IDLE_PAUSE)
            pause = max(interval, idle)
            if done.refused != refused or done.failed or done.waiting:
                _log(done)
            refused = done.refused
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
    publishing.cancel()
    with suppress(asyncio.CancelledError):
        await publishing
    logger.info("stopped")


def _log(done: Round) -> None:
    level = logging.ERROR if done.refused or done.failed else logging.INFO
    counts = {"signed": done.signed, "refused": done.refused, "failed": done.failed, "waiting": done.waiting}
    logger.log(
        level,
        "%(signed)d heads signed, %(refused)d trees refused, %(failed)d failed, %(waiting)d wait for witnesses",
        counts,
        extra=counts,
    )


def _witnessing(settings: SignerSettings, client: httpx.AsyncClient) -> Witnessing:
    try:
        entries = witnesses.load(settings.witnesses_file)
    except (OSError, ValueError) as error:
        raise RunRefused(f"WITNESSES_FILE: {error}") from None
    if settings.witness_quorum > len(entries):
        raise RunRefused(f"WITNESS_QUORUM: {settings.witness_quorum}, and there are {len(entries)} witnesses")
    found = [witnesses.Witness(name, entry, client) for name, entry in entries.items()]
    return Witnessing(found, settings.witness_quorum, settings.witness_timeout)


def _places(settings: SignerSettings, client: httpx.AsyncClient) -> list[publish.Place]:
    secret = settings.publish_authorization
    more = (client, secret.get_secret_value() if secret else None, settings.publish_timeout)
    places: list[publish.Place] = []
    if settings.publish_directory:
        places.append(publish.Directory(Path(settings.publish_directory)))
    if settings.publish_store_url:
        places.append(publish.ObjectStore(settings.publish_store_url, *more))
    if settings.publish_webhook_url:
        places.append(publish.Webhook(settings.publish_webhook_url, *more))
    return places
