"""Batches for destinations, and a call of one."""

import asyncio
from collections.abc import Callable

from app.ship.batch import Batch, Destination

LINES = (
    b'{"epoch":1,"leaf_index":0,"leaf_hash":"00","id":"a","created_at":"2026-11-22T19:49:00.650996Z","user_id":"j\xc3\xa4ne"}',
    b'{"epoch":1,"leaf_index":1,"leaf_hash":"01","statement":{"what":"pruned"}}',
    b'{"class_uid":6003,"time":1770091506789,"metadata":{"uid":"b"},"attestation_list":[{"uid":"2","chain_uid":"acme/1",'
    b'"fingerprint":{"value":"02"}}]}',
    b'{"specversion":"1.0","id":"c","time":"2026-02-03T04:05:06.789012Z","leafepoch":1,"leafindex":"3",'
    b'"leafhash":"b9144eb93d8cbf43ff"}',
)
BATCH = Batch("acme", "1.0", "1.4.b9144eb93d8cbf43", LINES)


def deliver(make: Callable[[], Destination], batch: Batch = BATCH) -> None:
    """Send a batch to a destination of its own. Raises NotTaken."""

    async def send() -> None:
        destination = make()
        try:
            await destination.send(batch)
        finally:
            await destination.close()

    asyncio.run(send())
