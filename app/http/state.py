"""What the HTTP edge reads of a request's state, typed. app/routers/state.py adds the services."""

from typing import NotRequired, Protocol, TypedDict, TypeVar

from app.http.load_shedding import Slot
from app.model.credential import Caller, Credential


class CallerLookup(Protocol):
    """The store, as far as the edge asks it: to check a credential before the body is read."""

    async def identify(self, credential: Credential, source: str) -> Caller:
        """Return what `credential` opens. source: the caller's address, for credentials that were not seen before."""

    @property
    def tenant_source(self) -> str:
        """`api_key` or `header`: which kind of credential counts; empty until the database has been reached."""


class EdgeState(TypedDict):
    """Set once when the application starts; `trace_id` and `slot` are set for each request.

    slot: the request's place in the load shedding; missing when another server than app/http/protocol.py runs the
    application.
    """

    caller_lookup: CallerLookup
    tenant_header_trusted: bool
    on_loopback: bool
    trace_id: NotRequired[str]
    slot: NotRequired[Slot]


AnyState = TypeVar("AnyState", bound=EdgeState)
"""For functions that take a request with this state or a larger one."""


def slot_of(state: EdgeState) -> Slot | None:
    """Return the request's place in the load shedding, if it has one."""
    return state["slot"] if "slot" in state else None  # noqa: SIM401  Starlette's State has no get()
