"""Output of a command: text that a terminal does not act on, and whose loss is reported."""

import argparse
import errno
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from app.terminal_text import printable


class Parser(argparse.ArgumentParser):
    """A parser that refuses a command line in one line, without what a terminal would act on."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and exit with status 2."""
        complain(f"{self.prog}: {message}")
        raise SystemExit(2)


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Lay `rows` out in columns, for people."""
    if not rows:
        return "none"
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def as_json(rows: Sequence[Mapping[str, object]]) -> str:
    """Return `rows` as one JSON document, for programs."""
    return json.dumps(rows, default=_json_value)


def _json_value(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case list():
            return printable(",".join(map(str, value)))
        case dict():
            return printable(json.dumps(value, ensure_ascii=False))
    return printable(str(value))


def escape_unencodable() -> None:
    """Print escapes for characters that the terminal's encoding lacks, instead of ending with a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str) -> None:
    """Print text that is printable already, and flush it. Raises OSError when it could not be written."""
    if sys.stdout is None:  # the shell has closed it (>&-), and print() would do nothing
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    try:
        print(text, flush=True)
    except OSError:
        abandon()
        raise


def abandon() -> None:
    """Give up standard output: the text left in its buffer must not fail once more when the interpreter ends."""
    if sys.stdout is not None:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def complain(text: str) -> None:
    """Print one line on standard error. Where that fails too, the exit status remains."""
    with suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)
