"""Waiting for what another process or thread does, without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, within: float = 30.0) -> T:
    """Return the first true value of `condition`; fail when there is none within so many seconds."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within:g} seconds"
        time.sleep(0.01)
    return value
