"""What the pages below /view take over many records: milliseconds of one caller alone, and bytes."""

from bench.figures import Figure
from bench.loads import wrk
from bench.over_http import Services
from bench.run import Run

PAGES = {"list": "/view/records", "overview": "/view/overview"}
PAGE_TIME, PAGE_BYTES = 100.0, 60_000
"""Targets of a page: milliseconds and bytes."""


def pages(run: Run, services: Services) -> None:
    """Measure the first page of the list, with its counts, and the overview."""
    run.clock.say("Pages below /view, wrk, one connection")
    key = run.reading.api_key
    for name, path in PAGES.items():
        load = wrk(services.reading.url + path, 1, METHOD="GET", API_KEY=key)
        rates = [load(run.plan.seconds) for _ in range(run.plan.rounds)]
        what = f"page of the {name}, {run.plan.records:,} records"
        run.figure(Figure(f"{what}: median", "ms", [rate.p50 or 0.0 for rate in rates], PAGE_TIME))
        run.figure(Figure(f"{what}: p99", "ms", [rate.p99 or 0.0 for rate in rates], PAGE_TIME))
        length = len(services.reading.get(path, Authorization=f"Bearer {key}"))
        run.figure(Figure(what, "bytes", [length], PAGE_BYTES))
