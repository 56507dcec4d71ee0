"""Records what AI agents do in Ringfence, an audit trail.

    with ringfence.Client() as audit:
        with audit.execution("kyc", user="jane") as e:
            ...

The record `started` is stored before the block runs, and its outcome when it has ended. AsyncClient has the same words.
"""

from ringfence._async_client import AsyncClient
from ringfence._client import Client
from ringfence._errors import (
    Denied,
    ExportIncomplete,
    Forbidden,
    InvalidRequest,
    NotRecorded,
    NotTheService,
    OutcomeNotRecorded,
    Problem,
    RingfenceError,
    Unauthenticated,
    Unavailable,
)
from ringfence._execution import Execution
from ringfence._ids import time_of
from ringfence._reading import Filters, StoredRecord
from ringfence._spool import DeadLetter
from ringfence._version import VERSION

__all__ = [
    "AsyncClient", "Client", "DeadLetter", "Denied", "Execution", "ExportIncomplete", "Filters", "Forbidden",
    "InvalidRequest", "NotRecorded", "NotTheService", "OutcomeNotRecorded", "Problem", "RingfenceError", "StoredRecord",
    "Unauthenticated", "Unavailable", "VERSION", "time_of",
]  # fmt: skip
