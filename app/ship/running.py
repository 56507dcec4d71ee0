"""The shipper as a process: a task for each destination, until SIGTERM or Ctrl-C."""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack

from app.ship import destinations, positions
from app.ship.metrics import Metrics
from app.ship.settings import ShipperSettings
from app.ship.shipment import Shipment

logger = logging.getLogger("ringfence.ship")

DRAIN_SECONDS = 20.0
"""That what is being sent may take once the shipper is told to stop. What is cut then is sent again after the start."""


class RunRefused(Exception):
    """The shipper cannot start. The message names the variable."""


async def run(settings: ShipperSettings, *, once: bool) -> int:
    """Ship, once or until told to stop; return the exit status of `once`: 1 where a destination lacks anything."""
    async with AsyncExitStack() as stack:
        stack.enter_context(positions.locked(settings.shipper_directory))
        metrics = Metrics()
        shipments = _shipments(settings, metrics, stack)
        if once:
            done = await asyncio.gather(*(each.run_once() for each in shipments))
            return 0 if all(done) else 1
        if settings.shipper_metrics_port is not None:
            try:
                stack.enter_context(metrics.served(settings.shipper_metrics_host, settings.shipper_metrics_port))
            except OSError as error:
                raise RunRefused(f"SHIPPER_METRICS_PORT: {error}") from None
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await _until_stopped(shipments, stop)
    return 0


async def _until_stopped(shipments: list[Shipment], stop: asyncio.Event) -> None:
    logger.info("shipping to %d destinations", len(shipments))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.run(stop)) for each in shipments]
        await asyncio.wait([group.create_task(stop.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
        _, late = await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
    logger.info("stopped")


def _shipments(settings: ShipperSettings, metrics: Metrics, stack: AsyncExitStack) -> list[Shipment]:
    if settings.destinations_file is None:
        raise RunRefused("set DESTINATIONS_FILE to the file that says what is shipped where")
    found = []
    try:
        for name, entry in destinations.load(settings.destinations_file).items():
            feed, destination = entry.feed(), entry.to.destination()
            stack.push_async_callback(feed.close)
            stack.push_async_callback(destination.close)
            metrics.begin(name)
            where = entry.positions(settings.shipper_directory, name)
            found.append(Shipment(name, feed, destination, where, entry.limit, metrics, entry.block_seconds()))
    except ImportError:
        raise RunRefused("DESTINATIONS_FILE: s3 needs obstore: pip install -r requirements/ship.lock") from None
    except OSError as error:
        raise RunRefused(f"DESTINATIONS_FILE: {error.filename or 'a certificate'}: {error.strerror or error}") from None
    except ValueError as error:
        raise RunRefused(f"DESTINATIONS_FILE: {error}") from None
    return found
