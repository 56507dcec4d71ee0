"""The process that floods, apart from the one that measures: `python -m tests.siege.flooding`, told by its input."""

import asyncio
import json
import os
import resource
import sys
import time

from tests.siege import strangers, tenants
from tests.siege.callers import Crowd
from tests.siege.flood import FLOODS

__all__ = ["FLOODS", "strangers", "tenants"]
_NICE = 5
"""Lower priority than the measuring process, which shares the core."""


def main() -> None:
    """Run the flood that standard input names; print how it went."""
    order = json.load(sys.stdin)
    flood = FLOODS[order["flood"]]
    os.nice(_NICE)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(order["port"], order["keys"], list(flood.sources))
    started = time.monotonic()
    asyncio.run(crowd.run(flood.connections, flood.act, order["seconds"]))
    report = {"opened": crowd.opened, "cut": crowd.cut, "answers": crowd.answers}
    print(json.dumps(report | {"seconds": time.monotonic() - started}), flush=True)
    os._exit(0)  # closes every connection at once


if __name__ == "__main__":
    main()
