"""What a command of administration is: its place on the command line, its statement, and how its answer is said."""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString, TypeAlias

from psycopg import Connection

from app import terminal
from app.command import Row

_DURATION = re.compile(r"(\d{1,5})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command prints. hint: for people, on standard error. status: the exit status."""

    text: str
    hint: str | None = None
    status: int = 0


Say: TypeAlias = Callable[[list[Row]], Answer]


def as_table(rows: list[Row]) -> Answer:
    """Lay the rows out for people."""
    return Answer(terminal.table(rows))


class Commands:
    """Adds commands to a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parsers = parser.add_subparsers(dest="command", required=True)

    def add(
        self,
        name: str,
        statement: LiteralString,
        meaning: str,
        *,
        say: Say = as_table,
        say_json: Say = lambda rows: Answer(terminal.as_json(rows)),
        prepare: Callable[[Connection[Row], argparse.Namespace], None] | None = None,
        shown_once: str | None = None,
    ) -> argparse.ArgumentParser:
        """Add a command, and return its parser.

        statement: takes the command's arguments as parameters, by name. say, say_json: make its answer of the rows.
        prepare: completes the arguments, in the same transaction. shown_once: what the answer is, where it can never be
        shown again: "key"; list-keys lists those that there are.
        """
        added: argparse.ArgumentParser = self._parsers.add_parser(name, help=meaning)
        added.set_defaults(statement=statement, say=say, say_json=say_json, prepare=prepare, shown_once=shown_once)
        added.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return added


def duration(text: str) -> timedelta:
    """Read a duration, for example 24h."""
    if not (match := _DURATION.fullmatch(text)):
        raise argparse.ArgumentTypeError("a number and s, m, h or d, for example 24h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def instant(text: str) -> datetime:
    """Read a moment, with its zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("a date and a time with a zone, for example 2026-01-31T00:00:00Z")
    return found
