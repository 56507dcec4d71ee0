"""Log lines as JSON, each with the trace id of its request.

An exception is logged as its kind and place, without its message, which may quote the caller.
"""

import logging
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from app.telemetry.log_limiter import LogLimiter
from app.telemetry.trace_id import current_trace_id

_MAX_TRACE_ID_LENGTH = 128


class JsonLines(JsonFormatter):
    """Formats a log record as one line of JSON."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
            exc_info_as_array=False,
        )

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Add the trace id."""
        super().add_fields(log_data, record, message_dict)
        log_data.pop("color_message", None)  # uvicorn's message again, with colours
        if trace_id := current_trace_id.get():
            log_data["trace_id"] = trace_id[:_MAX_TRACE_ID_LENGTH]

    def formatException(  # noqa: N802  the name is logging's
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return the kind of an exception and its place."""
        kind, _, trace = ei
        return describe_exception(kind, trace)


def describe_exception(kind: type[BaseException] | None, trace: TracebackType | None) -> str:
    """Return the kind of an exception and the lines it passed, innermost first."""
    places = (f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace))
    return f"{kind.__qualname__ if kind else 'nothing'} at {' < '.join(reversed(list(places)))}"


CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": JsonLines}},
    "filters": {"limiter": {"()": LogLimiter}},
    "handlers": {
        "lines": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["limiter"],
            "stream": "ext://sys.stderr",
        }
    },
    "root": {"handlers": ["lines"], "level": "WARNING"},
    "loggers": {
        "ringfence": {"level": "INFO"},
        "uvicorn": {"level": "INFO"},
        "uvicorn.access": {"level": "WARNING"},
        # It warns that it could not roll back a pipeline that was refused; the refusal itself is raised.
        "psycopg": {"level": "ERROR"},
    },
}
"""For logging.config.dictConfig(), in the parent and in each worker."""
