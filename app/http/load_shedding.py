"""Load shedding: how many requests a worker serves at once, shared fairly among callers.

Beyond its limit a worker refuses a new request at once, before anything is spent on it, so that those it serves stay
fast. The limits follow from Little's law: a worker commits some 7,000 records and reads some 1,500 pages of 50 a
second, so 96 writes and 64 reads in service are about 15 and 45 milliseconds of work (docs/floods.md has figures).
"""

from collections import Counter, OrderedDict
from functools import lru_cache
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

MAX_WRITES = 96
"""Requests other than GET and HEAD in service at once in one worker: the head and body are there, the answer is not."""
MAX_READS = 64
"""The same for GET and HEAD."""
MAX_RESERVED = 32
"""The same for health and metrics, which have this limit to themselves."""
MAX_WAITING = 1_024
"""Requests at once in one worker that wait for somebody else: for the rest of a body, or for an agent's answer."""
MAX_HELD_BODY_BYTES = 33_554_432
"""Of bodies of all requests that one worker is answering. Lines of a bulk request lie on the disk, and do not count."""
_STRANGERS = 16
"""Callers that all strangers together count as, by their addresses: so a crowd of them leaves known callers a share."""
_RESERVED_PATHS = (b"/api/v1/health", b"/metrics")

Caller = int
"""Hash of the tenant, once the store has accepted the credential of a request; before that, of the client's address."""


class Admission:
    """Counts requests at once; a share for each caller binds only while the limit is reached.

    One caller alone may use the whole limit. A caller beyond it is still admitted up to an equal share, while all
    together are less than twice the limit. One that has nothing in service always is: busy callers never shut it out.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_caller: Counter[Caller] = Counter()
        self.total = 0

    def admit(self, caller: Caller) -> bool:
        """Count one more request of `caller` and return True; False when there is no room for it."""
        own = self._by_caller[caller]
        if self.total >= self._limit:
            share = max(1, self._limit // (len(self._by_caller) if own else len(self._by_caller) + 1))
            if own >= share or (own and self.total >= 2 * self._limit):
                if not own:
                    del self._by_caller[caller]
                return False
        self._by_caller[caller] = own + 1
        self.total += 1
        return True

    def enter(self, caller: Caller) -> None:
        """Count one more request of `caller`, whatever the limit."""
        self._by_caller[caller] += 1
        self.total += 1

    def leave(self, caller: Caller) -> None:
        """Count one request of `caller` less."""
        self.total -= 1
        own = self._by_caller[caller] - 1
        if own:
            self._by_caller[caller] = own
        else:
            del self._by_caller[caller]


class KnownCallers:
    """Credentials that the store has accepted, as hashes. Only these have shares of their own.

    Otherwise a stranger with a thousand made-up keys would count as a thousand callers.
    """

    def __init__(self, max_callers: int = 10_000) -> None:
        self._max_callers = max_callers
        self._hashes: OrderedDict[int, Caller] = OrderedDict()

    def remember(self, credential: int, caller: Caller) -> None:
        """Add the hash of a credential that the store has just accepted, and who it is: however many a tenant has."""
        self._hashes[credential] = caller
        self._hashes.move_to_end(credential)
        if len(self._hashes) > self._max_callers:
            self._hashes.popitem(last=False)

    def find(self, credential: int | None) -> Caller | None:
        """Return who it is that a credential was accepted for, or None."""
        return None if credential is None else self._hashes.get(credential)


WRITES = Admission(MAX_WRITES)
READS = Admission(MAX_READS)
RESERVED = Admission(MAX_RESERVED)
WAITING = Admission(MAX_WAITING)
KNOWN_CALLERS = KnownCallers()


class Slot:
    """One admitted request."""

    __slots__ = ("_admission", "_caller", "_credential", "_home")

    def __init__(self, admission: Admission, caller: Caller, credential: int | None) -> None:
        """credential: the hash of what the request carries, if anything."""
        self._home = admission
        self._admission: Admission | None = admission
        self._caller = caller
        self._credential = credential

    def recognize(self, tenant: str) -> None:
        """Count it for its tenant from now on, and those that come after it: the store has accepted its credential."""
        if self._credential is None:
            return
        caller = hash(tenant)
        KNOWN_CALLERS.remember(self._credential, caller)
        if self._admission is not None and self._caller != caller:
            self._admission.leave(self._caller)
            self._admission.enter(caller)
            self._caller = caller

    def wait_elsewhere(self) -> bool:
        """Move to the requests that wait for somebody else; False when there is no room among them."""
        if self._admission is self._home:
            if not WAITING.admit(self._caller):
                return False
            self._home.leave(self._caller)
            self._admission = WAITING
        return True

    def serve(self) -> None:
        """Move back to the requests in service: nothing is waited for any more. Newer ones are refused for it."""
        if self._admission is WAITING:
            WAITING.leave(self._caller)
            self._home.enter(self._caller)
            self._admission = self._home

    def leave(self) -> None:
        """Let the next one in. May be called again."""
        if self._admission is not None:
            self._admission.leave(self._caller)
            self._admission = None


def admit(
    method: bytes, target: bytes, credential: bytes | None, peer: str, forwarded_for: bytes | None, proxies: str
) -> Slot | None:
    """Return the slot of a new request, or None when there is no room for it.

    credential: what its header carries. peer: the address of the connection. forwarded_for: X-Forwarded-For, which
    counts where the peer is one of `proxies`, addresses and networks separated by commas.
    """
    digest = hash(credential) if credential is not None else None
    caller = KNOWN_CALLERS.find(digest)
    if caller is None:
        if forwarded_for is not None:
            peer = _client_address(peer, forwarded_for, proxies)
        caller = hash(peer) % _STRANGERS
    is_read = method in (b"GET", b"HEAD")
    admission = RESERVED if target.startswith(_RESERVED_PATHS) else READS if is_read else WRITES
    return Slot(admission, caller, digest) if admission.admit(caller) else None


def _client_address(peer: str, forwarded_for: bytes, proxies: str) -> str:
    trusted = _trusted(proxies)
    if peer not in trusted:
        return peer
    return trusted.get_trusted_client_address(forwarded_for.decode("latin-1"))[0] or peer


@lru_cache(maxsize=4)
def _trusted(proxies: str) -> Any:
    return ProxyHeadersMiddleware(_nothing, proxies).trusted_hosts


async def _nothing(*_: object) -> None:
    """Stand where uvicorn's middleware wants an application: only its list of proxies is used."""
