"""What the database's refusals mean to a caller. The rules are the database's; nothing is decided here."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from app.model.refusals import (
    DatabaseAway,
    IdempotencyKeyReused,
    InvalidRequest,
    RingfenceError,
    ScopeMissing,
    StorageUnavailable,
    TenantMismatch,
    TenantMissing,
    TenantUnknown,
    Unauthenticated,
)

logger = logging.getLogger("ringfence")

_NO_TENANT, _UNKNOWN_TENANT, _REFUSED_ARGUMENT, _TAKEN_ID = "RF001", "RF002", "RF003", "RF004"
_REFUSED_API_KEY, _MISSING_SCOPE, _OTHER_TENANT, _OTHER_BODY = "RF005", "RF006", "RF007", "RF008"
_BROKEN_CHECK, _MISSING_VALUE, _UNSTORABLE_VALUE = "23514", "23502", "22"
# What passes by itself: connections, resources, timeouts and shutdowns, input and output; deadlocks; locks that were
# waited for; a server that only reads, a standby for one.
_PASSING = ("08", "53", "57", "58", "40", "55P03", "25006")
CANNOT_WRITE: Mapping[str, str] = {
    "08": "the database cannot be reached",  # the connection was lost, or a pooler has no server for it
    "57P": "the database is starting or stopping",  # 57P01 to 57P05: sessions are ended, nobody is let in
    "55000": "the database is starting or stopping",  # it is not accepting connections
    "25006": "the database is a standby, which only reads",  # a write in recovery
    "0A000": "the database is a standby, which only reads",  # BEGIN READ WRITE in recovery
    "53300": "the database has no connection free",
}
"""SQLSTATEs, by their beginning, with which a server may say that nothing can be written to it now, in words.

They make the service ask the probe, which finds out whether that is so: 57P01 ends a single session too, and 0A000
comes from a plan that a migration has outdated. Not here, since the server goes on writing: 53100 and 53200, disk and
memory; 55P02 and 55P03, a setting and a lock; 57014, a statement that took too long. Nor 54000, which a record can
bring about as well as a server that has run out of transaction numbers.
"""
_POSITION = re.compile(r"record (\d{1,9})")  # the detail of audit.insert_audit_logs()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What PostgreSQL says of one error; see GET STACKED DIAGNOSTICS. sqlstate is None where the driver refused."""

    sqlstate: str | None
    message: str | None = None
    detail: str | None = None
    column: str | None = None
    constraint: str | None = None


def cannot_write(error: psycopg.Error) -> bool:
    """Whether an error may mean that nothing can be written now."""
    if error.sqlstate is None:  # the connection was lost without a word, or the driver refused a value
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(tuple(CANNOT_WRITE))


class Refusals:
    """Translates errors of one database."""

    def __init__(self, rules: Mapping[str, tuple[str, str]]) -> None:
        """rules: by constraint, the field it is about, and the words for its caller (audit.record_rules())."""
        self._rules = rules

    def of_error(self, error: Exception) -> RingfenceError:
        """Say what an error of the driver means, without repeating what the caller sent."""
        if isinstance(error, UnicodeEncodeError):
            return InvalidRequest("a text is not valid Unicode", [])
        assert isinstance(error, psycopg.Error)
        if isinstance(error, psycopg.DataError) and error.sqlstate is None:  # psycopg sends no NUL
            return InvalidRequest("a text holds a NUL character", [])
        diag = error.diag
        return self.of_diagnosis(
            Diagnosis(error.sqlstate, diag.message_primary, diag.message_detail, diag.column_name, diag.constraint_name)
        )

    def of_diagnosis(self, found: Diagnosis) -> RingfenceError:
        """Say what a refusal of the server means, without repeating what the caller sent."""
        refusal = self._meaning(found)
        if isinstance(refusal, InvalidRequest) and (match := _POSITION.fullmatch(found.detail or "")):
            refusal.position = int(match[1])
        return refusal

    def _meaning(self, found: Diagnosis) -> RingfenceError:
        message, column = found.message or "", found.column or ""
        match found.sqlstate:
            case code if code == _NO_TENANT:
                return TenantMissing("no tenant is set")
            case code if code == _UNKNOWN_TENANT:
                return TenantUnknown("the tenant is not registered")
            case code if code == _REFUSED_API_KEY:
                return Unauthenticated(found.detail or "")
            case code if code == _MISSING_SCOPE:
                return ScopeMissing(message)
            case code if code == _OTHER_TENANT:
                return TenantMismatch(message)
            case code if code == _OTHER_BODY:
                return IdempotencyKeyReused(message)
            case code if code in (_REFUSED_ARGUMENT, _TAKEN_ID):
                return InvalidRequest.field(column, message)
            case code if code == _BROKEN_CHECK:
                return InvalidRequest.field(*self._rules.get(found.constraint or "", ("record", "breaks a rule")))
            case code if code == _MISSING_VALUE:
                return InvalidRequest.field(column, "is required")
            case code if code is not None and code.startswith(_UNSTORABLE_VALUE):  # a number out of range
                return InvalidRequest(message, [])
        # A refused privilege is our mistake, not the caller's, and what it was told is no business of his either.
        logger.error("the database failed: SQLSTATE %s", found.sqlstate)
        if found.sqlstate is None or found.sqlstate.startswith(_PASSING):
            return DatabaseAway("the database cannot be used right now")
        return StorageUnavailable("the database cannot be used right now")
