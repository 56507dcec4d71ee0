"""Classifies why the database cannot be used: an outage, which passes by itself, or a reason not to serve it.

| cause | seen by | at start | later |
|---|---|---|---|
| host unknown, unreachable; connection refused; timeout | libpq | wait | unavailable |
| starting, stopping, recovering; not accepting connections | 57P, 55000 | wait | unavailable |
| no connection free | 53300 | wait | unavailable |
| a standby, which only reads | 25006, 0A000 at BEGIN READ WRITE | wait | unavailable |
| any other failure to connect | libpq | wait | unavailable |
| an option that libpq does not take | libpq, before it connects | refuse | - |
| wrong password, unknown role or database, pg_hba.conf, TLS | the server's or libpq's message | refuse | unavailable |
| no schema, an older one, broken isolation, tenants from elsewhere | RefusedToServe | refuse | unavailable |
| any other SQLSTATE | the server | refuse | unavailable |

In an outage the service starts and waits: if it refused, its platform would restart it for ever. A refused login is
nearly always a mistake in DATABASE_URL: a deploy with it must fail, and not replace a version that works. A running
service waits for that too, since a password may be exchanged.

libpq does not report the SQLSTATE of a failed connection, so its message counts there. The server's messages are in the
language of its lc_messages. Where that is not English, a refused login is taken for an outage; the log has the message.
"""

import re
from dataclasses import dataclass

import psycopg
from psycopg import errors

from app.model.refusals import RefusedToServe
from app.services.postgres.sqlstates import CANNOT_WRITE, cannot_write

_REFUSED_OPTION = re.compile(r"connection is bad: (?!connection to server)|for connection option|could not match \d+")
_REFUSED_LOGIN = re.compile(
    r'password authentication failed|no password supplied|(role|database|user) ".*" does not exist'
    r"|no such (database|user)|is not permitted to log in|no pg_hba\.conf entry|pg_hba\.conf rejects"
    r"|unrecognized configuration parameter|invalid value for parameter|permission denied for database|certificate"
    r"|does not support SSL|does not match host name"
)
_STARTING_OR_STOPPING = re.compile(
    r"(is|are) (starting up|shutting down)|in recovery mode|not (currently |yet )?accepting connections|terminating"
)
_NO_CONNECTION_FREE = re.compile(r"too many (clients|connections)|connection slots|no more connections")
_ONLY_READS = re.compile(r"hot standby mode|session is read-only|in recovery")
_OPTION_VALUE = re.compile(r' "[^"]*"(?= for connection option)|: "[^"]*"$')


@dataclass(frozen=True, slots=True)
class Outage:
    """The database cannot be used now.

    told: the reason for callers, in our words. logged: the reason for the operator, in those of libpq or the server.
    """

    told: str
    logged: str


def reason(error: Exception) -> Outage | RefusedToServe:
    """Classify an error of a probe."""
    match error:
        case RefusedToServe():
            return error
        case TimeoutError() | errors.ConnectionTimeout():
            return Outage("the database does not answer", "it does not answer in time")
        case OSError():
            return Outage("the database cannot be reached", error.strerror or type(error).__name__)
        case psycopg.Error(sqlstate=str(sqlstate)):
            message = error.diag.message_primary or type(error).__name__
            if cannot_write(error):
                told = next(words for prefix, words in CANNOT_WRITE.items() if sqlstate.startswith(prefix))
                return Outage(told, message)
            return RefusedToServe(f"the database answers SQLSTATE {sqlstate}: {message}")
        case psycopg.OperationalError():
            return _of_connecting(str(error))
    return RefusedToServe(f"the database's answer is not understood: {type(error).__qualname__}")


def _of_connecting(text: str) -> Outage | RefusedToServe:
    line = " ".join(text.split()) or "the connection failed"  # a name may contain a line break
    sentence = re.sub(r"^connection (failed|is bad): ", "", line)
    if _REFUSED_OPTION.search(line):
        # Without the value: in a malformed URL it may be a part of the password.
        return RefusedToServe(f"DATABASE_URL: {_OPTION_VALUE.sub('', sentence)}")
    if sentence.startswith("failed to resolve host") and "@" in sentence:
        return RefusedToServe("DATABASE_URL: the host name contains an @: in a password it is written %40")
    if _REFUSED_LOGIN.search(sentence):
        return RefusedToServe(f"DATABASE_URL: {sentence}", told="the database refuses the login")
    for words, told in (
        (_STARTING_OR_STOPPING, "the database is starting or stopping"),
        (_NO_CONNECTION_FREE, "the database has no connection free"),
        (_ONLY_READS, "the database is a standby, which only reads"),
    ):
        if words.search(sentence):
            return Outage(told, sentence)
    return Outage("the database cannot be reached", sentence)
