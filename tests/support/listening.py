"""Notices that the server sends to a session, and a search for secrets in them."""

import re
from typing import Any

import psycopg
from psycopg import Connection


def listen(session: Connection[Any]) -> list[str]:
    """Return the list to which all is added that the server tells this session beside its results."""
    heard: list[str] = []

    def hear(said: psycopg.errors.Diagnostic) -> None:
        parts = (said.message_primary, said.message_detail, said.message_hint, said.context, said.internal_query)
        heard.append(re.sub(r"\s+", " ", " ".join(part or "" for part in parts)))

    session.add_notice_handler(hear)
    return heard


def printed(value: bytes) -> list[str]:
    """Return the forms in which PostgreSQL prints bytes: in a plan, as bytea, and, where they are, as text."""
    return [
        " ".join(str(byte - 256 if byte > 127 else byte) for byte in value),
        " ".join(str(byte) for byte in value),
        value.hex(),
        *([value.decode()] if value.isascii() else []),
    ]


def found_in(heard: list[str], secrets: dict[str, bytes]) -> set[str]:
    """Return the names of those secrets of which a piece of ten bytes stands in what was heard."""
    text = "\n".join(set(heard))
    return {
        name
        for name, secret in secrets.items()
        if any(form in text for at in range(len(secret) - 9) for form in printed(secret[at : at + 10]))
    }
