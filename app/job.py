"""Runs a job beside the service until it is told to stop, over one connection, which is made again after an outage."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import psycopg
from psycopg import Connection

from app import database_url, terminal
from app.command import Row

_SECONDS_BETWEEN_REPORTS = 30.0
_MAX_SECONDS_AFTER_FAILURES = 30.0


class Job(Protocol):
    """What is to be done over one connection."""

    def work(self) -> float:
        """Do a piece of it, of half a second or so; return the seconds until the next piece."""

    def report(self) -> str:
        """Return what was done since the last report, in lines; "" when there is nothing to say."""


def run_until_stopped(
    name: str, connect: Callable[[], Connection[Row]], begin: Callable[[Connection[Row]], Job]
) -> int:
    """Work until SIGTERM or Ctrl-C, and return the exit status. name: what is being done, said when it has begun."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    failures = 0
    while not stopped.is_set():
        try:
            with connect() as connection:
                job = begin(connection)
                seconds = job.work()
                terminal.complain(name)
                failures = 0
                _work(job, seconds, stopped)
        except psycopg.OperationalError as error:  # an outage; anything else ends the command
            if failures == 0:
                terminal.complain(f"waiting for the database: {database_url.first_line(error)}")
            stopped.wait(min(2.0**failures, _MAX_SECONDS_AFTER_FAILURES))
            failures = min(failures + 1, 5)
    return 0


def _work(job: Job, seconds: float, stopped: threading.Event) -> None:
    """Work until told to stop. seconds: until the next piece."""
    reported = time.monotonic()
    while not stopped.wait(seconds):
        seconds = job.work()
        if time.monotonic() - reported > _SECONDS_BETWEEN_REPORTS:
            reported = time.monotonic()
            _say(job.report())
    _say(job.report())


def _say(text: str) -> None:
    if text:
        terminal.write(text)
