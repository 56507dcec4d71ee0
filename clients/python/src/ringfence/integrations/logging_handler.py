"""A handler of the standard library's logging: log calls that say so become records."""

import logging
from collections.abc import Mapping
from typing import Any

from ringfence._client import Client
from ringfence._execution import class_name

EXTRA = "ringfence"


class RingfenceHandler(logging.Handler):
    """Records what is logged with `extra={"ringfence": {...}}`, and nothing else.

    The message of a log call is not recorded, since nobody knows what is in it. A record is queued (Client.enqueue). A
    record that breaks a rule raises ValueError at the log call, and one that cannot be recorded NotRecorded: an audit
    trail is not dropped silently, as logging.Handler.handleError() would.
    """

    def __init__(self, audit: Client, agent: str, *, level: int = logging.NOTSET) -> None:
        """agent: of records that name none."""
        super().__init__(level)
        self._audit = audit
        self._agent = agent

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record that a log call asks for.

        What it does not say: status is error from the level ERROR on, else success; error is the class of exc_info.
        """
        asked: object = getattr(record, EXTRA, None)
        if not isinstance(asked, Mapping):
            return
        given: dict[str, Any] = {"agent": self._agent, **asked}
        given.setdefault("status", "error" if record.levelno >= logging.ERROR else "success")
        if record.exc_info and record.exc_info[1] is not None:
            given.setdefault("error", class_name(record.exc_info[1]))
        self._audit.enqueue(**given)

    def flush(self) -> None:
        """Return once what was queued is stored or spooled. logging.shutdown() calls it; close the client after it."""
        if not self._audit.is_closed:
            self._audit.flush()
