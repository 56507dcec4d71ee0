"""What the HTTP edge reads of a request's state, typed. app/routers/state.py adds the services."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypedDict, TypeVar

from app.http.load_shedding import Slot
from app.model.credential import Caller, Credential
from app.settings import Settings


class CallerLookup(Protocol):
    """The store, as far as the edge asks it: to check a credential before the body is read."""

    async def identify(self, credential: Credential, source: str) -> Caller:
        """Return what `credential` opens. source: the caller's address, for credentials that were not seen before."""

    @property
    def tenant_source(self) -> str:
        """`api_key` or `header`: which kind of credential counts; empty until the database has been reached."""


class Memory(Protocol):
    """Memory that tenants share."""

    def may_take(self, tenant_id: str, size: int) -> bool:
        """Whether there are `size` bytes left for the tenant."""

    def take(self, tenant_id: str, size: int) -> None:
        """Count `size` bytes."""

    def give_back(self, tenant_id: str, size: int) -> None:
        """Count them no longer."""


class EdgeState(TypedDict):
    """Made once when the application starts. Each request has a copy, in which the last four are its own.

    parsing: holds a turn of a tenant to parse a large body; raises StorageUnavailable when too many are queued. bodies:
    limits the memory of all bodies until the answer is ready.
    slot: the request's place in the load shedding; None unless app/http/protocol.py serves the request.
    caller: None until the request is identified. held_body_bytes: what its body takes of `bodies`.
    """

    settings: Settings
    caller_lookup: CallerLookup
    on_loopback: bool
    parsing: Callable[[str], AbstractAsyncContextManager[None]]
    bodies: Memory
    trace_id: str
    slot: Slot | None
    caller: Caller | None
    held_body_bytes: int


AnyState = TypeVar("AnyState", bound=EdgeState)
"""For functions that take a request with this state or a larger one."""
