"""Database URLs from environment variables: checked before libpq uses them, and never repeated in a message.

libpq's messages about a URL quote pieces of it, and so pieces of a password. Once a URL has passed this check, its
messages about a server that it could not reach, or that refused it, name hosts, ports, roles and databases alone.
"""

import os
import re

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_FORM = "postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE"
_SCHEME = re.compile(r"([A-Za-z0-9+.:_-]*)://")
_OTHER_PRODUCTS = {"mysql", "mariadb", "sqlite", "mssql", "oracle", "mongodb", "redis", "http", "https", "file"}


class BadDatabaseUrl(ValueError):
    """The variable is not set, or holds no URL that works; the message names the variable and repeats nothing of it."""


def from_environment(variable: str, meaning: str) -> str:
    """Return the connection string in `variable`, with client_encoding UTF-8. Raises BadDatabaseUrl.

    meaning: what the variable should name, for the message when it is not set.
    """
    url = os.environ.get(variable)
    if not url:
        raise BadDatabaseUrl(f"set {variable} to {meaning}")
    if found := fault(url):
        raise BadDatabaseUrl(f"{variable}: {found}")
    return make_conninfo(url, client_encoding="utf8")


def fault(url: str) -> str | None:
    """Return what is wrong with `url`, None when libpq understands it as its author does."""
    if not url.isprintable() or url != url.strip():
        return "a line break, a control character, or white space at an end; write such a character as %XX"
    if (scheme := _SCHEME.match(url)) and scheme[1] not in ("postgresql", "postgres"):
        return f"{_name(scheme[1])}; write {_FORM}"
    try:
        options = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return f"not a connection string of libpq; write {_FORM}, and %25, %20, %2F, %40 for %, space, / and @"
    if scheme and _has_stray_at(url[scheme.end() :]):
        return f"an @ or / inside the role or the password; write {_FORM}, and %40 and %2F for these characters"
    if not all(re.fullmatch(r"[0-9]{0,5}", port) for port in str(options.get("port", "")).split(",")):
        return f"the port is not a number; write {_FORM}, and %3A and %2F for : and / in a name"
    return None


def encoding_fault(server_encoding: str | None) -> str | None:
    """Return why a database of this encoding (libpq's parameter server_encoding) cannot be used; None if it can."""
    if server_encoding == "UTF8":
        return None
    return (
        f"the database has the encoding {server_encoding}, and records need UTF8: make a database with"
        " CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
    )


def one_line(error: Exception) -> str:
    """Return the message of libpq or the server in one line."""
    return " ".join(str(error).split())


def first_line(error: psycopg.Error) -> str:
    """Return the first line of the message of libpq or the server, without its context."""
    lines = (error.diag.message_primary or str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def forget_libpq_variables() -> None:
    """Remove libpq's variables from this process, so that a connection to a private server does not depend on them."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def as_libpq_variables(url: str) -> dict[str, str]:
    """Return this process's environment, with every option of `url` in libpq's variable for it.

    For libpq an option of a URL wins over its service's, and a service's over a variable. As variables the options of a
    URL would lose to the service, so the service is resolved here, and PGSERVICE left out unless it is unknown.
    """
    given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    if service := given.pop("service", None):
        os.environ["PGSERVICE"] = service
    environment = dict(os.environ)
    with_service = _defaults()
    if os.environ.pop("PGSERVICE", None) and with_service != _defaults():
        del environment["PGSERVICE"]
    names = {option.keyword.decode(): option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar}
    return environment | {names[key]: value for key, value in (with_service | given).items() if key in names}


def _defaults() -> dict[str, str]:
    """Return libpq's options from the service and the variables of this process."""
    return {
        option.keyword.decode(): option.val.decode()
        for option in pq.Conninfo.get_defaults()
        if option.val is not None and option.keyword != b"service" and option.val != option.compiled
    }


def _name(scheme: str) -> str:
    """Return the kind of URL that has this scheme, without repeating an unknown scheme: it may be a secret."""
    lower = scheme.lower()
    if re.fullmatch(r"postgres(ql)?\+[a-z0-9_]+", lower):
        return f"a SQLAlchemy URL ({lower}://), which libpq does not understand"
    if lower.startswith("jdbc:"):
        return "a JDBC URL, which libpq does not understand"
    if lower in ("postgresql", "postgres"):
        return "libpq wants the scheme in lower case"
    product = lower.partition("+")[0]
    return f"a URL of {product}, not of PostgreSQL" if product in _OTHER_PRODUCTS else "not a URL of PostgreSQL"


def _has_stray_at(rest: str) -> bool:
    """Whether libpq would take a piece of the role or the password for a host, a port or a database."""
    # It ends them at the first @, and takes the text before a / for a host.
    behind = re.split("[@/]", rest, maxsplit=1)[-1] if re.search("[@/]", rest) else ""
    return "@" in behind.partition("?")[0]
