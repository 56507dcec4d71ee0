"""Load shedding: limits how many requests a worker serves at once, shared fairly among callers.

Beyond the limit a worker refuses a new request at once, before any work on it, so that the requests in service stay
fast. The limits follow from Little's law: a worker commits some 7,000 records and reads some 1,500 pages of 50 a
second, so 96 writes and 64 reads in service are about 15 and 45 milliseconds of work (docs/floods.md has figures).
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

MAX_WRITES = 96
"""Writes in service at once in one worker: requests but GET and HEAD that have arrived whole and are not answered."""
MAX_READS = 64
"""GET and HEAD requests in service at once in one worker."""
MAX_RESERVED = 32
"""Health and metrics requests in service at once in one worker, apart from the other limits."""
MAX_BLOCKED = 1_024
"""Requests of one worker at once that are blocked on the rest of their body or an agent's answer."""
MAX_HELD_BODY_BYTES = 33_554_432
"""Bytes of all bodies in memory of one worker. Lines of a bulk request are on disk, and do not count."""
MAX_KNOWN_CALLERS = 10_000
_STRANGERS = 16
"""Strangers count, by address, as this many callers together: a crowd of them leaves known callers a share."""
COOKIE = "ringfence_key"
"""Name of the cookie that holds an API key, on the pages below /view; over TLS with a prefix."""
_COOKIE = COOKIE.encode()
_RESERVED_PATHS = (b"/api/v1/health", b"/metrics")

Caller = int
"""Hash of the tenant once the store has accepted the credential; before that, of the client's address."""


class Admission:
    """Counts requests at once, with an equal share for each caller that counts only while the limit is reached.

    One caller alone may use the whole limit. Once it is reached, callers below their share are still admitted, up to
    twice the limit in all. A caller with nothing in service always is: busy callers never shut it out.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_caller: Counter[Caller] = Counter()
        self.total = 0

    def admit(self, caller: Caller) -> bool:
        """Count one more request of `caller` and return True, or return False when there is no room."""
        own = self._by_caller[caller]
        if own and self.total >= self._limit:
            share = max(1, self._limit // len(self._by_caller))
            if own >= share or self.total >= 2 * self._limit:
                return False
        self.enter(caller)
        return True

    def enter(self, caller: Caller) -> None:
        """Count one more request of `caller`, even beyond the limit."""
        self._by_caller[caller] += 1
        self.total += 1

    def leave(self, caller: Caller) -> None:
        """Count one request of `caller` as ended."""
        self.total -= 1
        self._by_caller[caller] -= 1
        if not self._by_caller[caller]:
            del self._by_caller[caller]


WRITES = Admission(MAX_WRITES)
READS = Admission(MAX_READS)
RESERVED = Admission(MAX_RESERVED)
BLOCKED = Admission(MAX_BLOCKED)
KNOWN_CALLERS: OrderedDict[int | None, Caller] = OrderedDict()
"""By hash of the credential, once the store has accepted it. Only these callers get a share of their own: otherwise a
stranger with a thousand made-up keys would count as a thousand callers."""


class Slot:
    """The place of one admitted request: in service, or blocked on a body or an agent."""

    __slots__ = ("_admission", "_caller", "_credential", "_home")

    def __init__(self, admission: Admission, caller: Caller, credential: int | None) -> None:
        """credential: hash of the request's credential, if it has one."""
        self._home = admission
        self._admission: Admission | None = admission
        self._caller = caller
        self._credential = credential

    def recognize(self, tenant: str) -> None:
        """Count this request, and later ones with its credential, for `tenant`: the store has accepted it."""
        if self._credential is None:
            return
        caller = hash(tenant)
        KNOWN_CALLERS[self._credential] = caller
        KNOWN_CALLERS.move_to_end(self._credential)
        if len(KNOWN_CALLERS) > MAX_KNOWN_CALLERS:
            KNOWN_CALLERS.popitem(last=False)
        if self._admission is not None and self._caller != caller:
            self._admission.leave(self._caller)
            self._admission.enter(caller)
            self._caller = caller

    def block(self) -> bool:
        """Move to the requests that are blocked on a body or an agent. False when those are too many."""
        if self._admission is self._home:
            if not BLOCKED.admit(self._caller):
                return False
            self._home.leave(self._caller)
            self._admission = BLOCKED
        return True

    def serve(self) -> None:
        """Move back to the requests in service, even beyond the limit: then newer requests are refused."""
        if self._admission is BLOCKED:
            BLOCKED.leave(self._caller)
            self._home.enter(self._caller)
            self._admission = self._home

    def leave(self) -> None:
        """Free the place. May be called again."""
        if self._admission is not None:
            self._admission.leave(self._caller)
            self._admission = None


def admit(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]], peer: str, proxies: str) -> Slot | None:
    """Return the slot of a new request, or None when there is no room for it.

    peer: address of the connection. proxies: addresses and networks, separated by commas; from these peers the address
    in X-Forwarded-For counts instead.
    """
    credential = forwarded_for = None
    for name, value in headers:
        if name == b"authorization":
            credential = b"".join(value.split()[-1:])  # without the scheme, in any spelling
        elif credential is None and (name == b"x-tenant-id" or (name == b"cookie" and _COOKIE in value)):
            credential = value
        elif name == b"x-forwarded-for":
            forwarded_for = value
    digest = None if credential is None else hash(credential)
    caller = KNOWN_CALLERS.get(digest)
    if caller is None:
        address = peer if forwarded_for is None else _client_address(peer, forwarded_for, proxies)
        caller = hash(address) % _STRANGERS
    is_read = method in (b"GET", b"HEAD")
    admission = RESERVED if target.startswith(_RESERVED_PATHS) else READS if is_read else WRITES
    return Slot(admission, caller, digest) if admission.admit(caller) else None


def _client_address(peer: str, forwarded_for: bytes, proxies: str) -> str:
    """Return the client's address as uvicorn's own middleware finds it."""
    scope: dict[str, Any] = {"type": "http", "client": (peer, 0), "headers": [(b"x-forwarded-for", forwarded_for)]}
    with suppress(StopIteration):  # it awaits nothing
        _proxy_headers(proxies)(scope, _nothing, _nothing).send(None)  # type: ignore[arg-type]
    address: str = scope["client"][0]
    return address


@lru_cache(maxsize=4)
def _proxy_headers(proxies: str) -> ProxyHeadersMiddleware:
    return ProxyHeadersMiddleware(_nothing, proxies)


async def _nothing(*_: object) -> Any:
    """Stand for the application, of which the middleware only changes the scope."""
