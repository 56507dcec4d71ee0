"""What both clients are made of: where records go, the spool, and the background thread."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ringfence import _spool
from ringfence._delivery import Delivery
from ringfence._destination import Destination, destination

Unrecorded = Literal["raise", "proceed"]


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments of a client, checked."""

    to: Destination
    delivery: Delivery
    timeout: float
    may_proceed: bool


def options(
    url: str | None,
    api_key: str | None,
    spool: str | os.PathLike[str] | Literal[False] | None,
    spool_max_bytes: int,
    queue_size: int,
    timeout: float,
    unrecorded: Unrecorded,
) -> Options:
    """Check the arguments of a client. Raises ValueError, and NotRecorded for a spool that is there and unusable."""
    if unrecorded not in ("raise", "proceed"):
        raise ValueError("unrecorded has to be raise or proceed")
    to = destination(url, api_key)
    kept = None if spool is False else _spool.Spool(Path(spool or _spool.default_path()), to, spool_max_bytes)
    return Options(
        to, Delivery(to, kept, queue_size=queue_size, timeout=timeout), timeout, may_proceed=unrecorded == "proceed"
    )
