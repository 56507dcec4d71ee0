"""Translates SQLSTATEs into refusals. The rules are the database's; nothing is decided here."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from app.model.refusals import (
    DatabaseUnavailable,
    FeedPositionLost,
    IdempotencyKeyReused,
    InvalidRequest,
    NotSealedYet,
    Pruned,
    RingfenceError,
    ScopeMissing,
    StorageUnavailable,
    TenantMismatch,
    TenantMissing,
    TenantUnknown,
    TreeContradictsItself,
    Unauthenticated,
)

logger = logging.getLogger("ringfence")

Rules = Mapping[str, tuple[str, str]]
"""By constraint: its field, and the words for the caller (audit.record_rules())."""

# Transient: connections, resources, timeouts and shutdowns, input and output; deadlocks; lock timeouts; a server that
# only reads.
_TRANSIENT = ("08", "53", "57", "58", "40", "55P03", "25006")
CANNOT_WRITE: Mapping[str, str] = {
    "08": "the database cannot be reached",  # the connection was lost, or a pooler has no server for it
    "57P": "the database is starting or stopping",  # 57P01 to 57P05: sessions are ended, nobody is let in
    "55000": "the database is starting or stopping",  # it is not accepting connections
    "25006": "the database is a standby, which only reads",  # a write in recovery
    "0A000": "the database is a standby, which only reads",  # BEGIN READ WRITE in recovery
    "53300": "the database has no connection free",
}
"""Prefixes of SQLSTATEs that may mean that the server takes no writes now, with the reason in words.

They make the circuit breaker probe, which finds out: 57P01 ends a single session too, and 0A000 comes from a plan that
a migration has outdated. Not listed, since the server goes on writing: 53100 and 53200, disk and memory; 55P02 and
55P03, a setting and a lock; 57014, a statement that took too long. Nor 54000, which a record can cause as well as a
server that has run out of transaction numbers.
"""
_OF_SOME = ("08", "XX000")
"""What the coordinator of a cluster says when it cannot reach a worker, and again when it cannot commit for that."""
_POSITION = re.compile(r"record (\d{1,9})")  # the detail of audit.insert_audit_logs()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Diagnostics of one error; see GET STACKED DIAGNOSTICS. sqlstate is None where the driver refused."""

    sqlstate: str | None
    message: str | None = None
    detail: str | None = None
    column: str | None = None
    constraint: str | None = None


def cannot_write(error: psycopg.Error) -> bool:
    """Whether an error may mean that the server takes no writes now."""
    if error.sqlstate is None:  # the connection was lost without a word, or the driver refused a value
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(tuple(CANNOT_WRITE))


def refusal_of_error(error: Exception, rules: Rules) -> RingfenceError:
    """Return the refusal for an error of the driver, without repeating the caller's input."""
    if isinstance(error, UnicodeEncodeError):
        return InvalidRequest("a text is not valid Unicode", [])
    assert isinstance(error, psycopg.Error)
    if isinstance(error, psycopg.DataError) and error.sqlstate is None:  # psycopg sends no NUL
        return InvalidRequest("a text holds a NUL character", [])
    diag = error.diag
    return refusal_of(
        Diagnosis(error.sqlstate, diag.message_primary, diag.message_detail, diag.column_name, diag.constraint_name),
        rules,
    )


def refusal_of(found: Diagnosis, rules: Rules) -> RingfenceError:
    """Return the refusal for an error of the server, without repeating the caller's input."""
    refusal = _translate(found, rules)
    if isinstance(refusal, InvalidRequest) and (match := _POSITION.fullmatch(found.detail or "")):
        refusal.position = int(match[1])
    return refusal


def _translate(found: Diagnosis, rules: Rules) -> RingfenceError:
    message, column = found.message or "", found.column or ""
    match found.sqlstate:
        case "RF001":
            return TenantMissing("no tenant is set")
        case "RF002":
            return TenantUnknown("the tenant is not registered")
        case "RF003" | "RF004":  # a refused argument; an id that is taken
            return InvalidRequest.field(column, message)
        case "RF005":
            return Unauthenticated(found.detail or "")
        case "RF006":
            return ScopeMissing(message)
        case "RF007":
            return TenantMismatch(message)
        case "RF008":
            return IdempotencyKeyReused(message)
        case "RF009":
            logger.error("a tree contradicts itself: %s", message)
            return TreeContradictsItself(
                "the tree of this tenant contradicts itself, and its records are no longer sealed: tell the operator"
            )
        case "RF010":
            return NotSealedYet(message)
        case "RF013":
            return FeedPositionLost.resume(message, found.detail or "")
        case "RF012":
            return Pruned(f"{message}: a size that was signed, as that of a checkpoint, stays provable")
        case "23514":  # check_violation
            return InvalidRequest.field(*rules.get(found.constraint or "", ("record", "breaks a rule")))
        case "23502":  # not_null_violation
            return InvalidRequest.field(column, "is required")
        case str(code) if code.startswith("22"):  # data_exception: a number out of range
            return InvalidRequest(message, [])
    # A missing privilege is the operator's mistake and not the caller's, so the caller gets no message.
    logger.error("the database failed: SQLSTATE %s", found.sqlstate)
    is_transient = found.sqlstate is None or found.sqlstate.startswith(_TRANSIENT)
    unavailable = DatabaseUnavailable if is_transient else StorageUnavailable
    refusal = unavailable("the database cannot be used right now")
    refusal.may_be_of_some = bool(found.sqlstate and found.sqlstate.startswith(_OF_SOME))
    return refusal
