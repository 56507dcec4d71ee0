"""What a feed gives: records a second of a backlog, to one reader and to two, over HTTP."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

from bench.figures import Figure
from bench.over_http import Services
from bench.run import Run

FEED = "/api/v1/audit/feed"
BACKLOG_RATE = 100_000.0
"""Target: records a second."""


def backlogs(run: Run, services: Services) -> None:
    """Measure the first records of a feed; two readers read the same ones."""
    count, key = run.plan.exported, run.reading.api_key
    run.clock.say(f"Feed of {count:,} records")

    def read(_: int) -> None:
        # The client of the standard library: httpx takes as long to read an answer as the service to make it.
        connection = HTTPConnection(urlsplit(services.reading.url).netloc, timeout=30)
        read_on, after = 0, "1.0"
        while read_on < count:
            connection.request("GET", f"{FEED}?after={after}&limit=10000", headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            lines = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {lines[:500]!r}")
            last = json.loads(lines[lines.rfind(b"\n", 0, -1) + 1 :])
            read_on, after = read_on + last["count"], last["position"]
        connection.close()

    for readers in (1, 2):
        rates = []
        with ThreadPoolExecutor(readers) as pool:
            for _ in range(run.plan.rounds):
                began = time.monotonic()
                list(pool.map(read, range(readers)))
                rates.append(readers * count / (time.monotonic() - began))
        who = "one reader" if readers == 1 else f"{readers} readers"
        run.figure(Figure(f"feed of {count:,} records, {who}", "records/s", rates, BACKLOG_RATE, at_least=True))
