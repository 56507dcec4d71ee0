"""What a flood is, and the list of all of them."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.siege.callers import OTHER_ADDRESSES, PROBE_ADDRESS, Act


@dataclass(frozen=True)
class Flood:
    """One flood.

    name: as the report has it. connections: callers at once. act: what each caller does on a new connection, again a
    second after it was cut. sources: the addresses they come from. also: what the neighbour asks beside executes.
    quick: whether `make siege-quick` has it too.
    """

    name: str
    connections: int
    act: Act
    sources: tuple[str, ...]
    also: str | None
    quick: bool


FLOODS: dict[str, Flood] = {}


def flood(
    name: str, connections: int, *, one_address: bool = False, also: str | None = None, quick: bool = False
) -> Callable[[Act], Act]:
    """Register what one caller does as a flood.

    one_address: the flood and the neighbour who must not notice it have the same address, as behind one NAT.
    """

    def register(act: Act) -> Act:
        sources = (PROBE_ADDRESS,) if one_address else OTHER_ADDRESSES
        FLOODS[name] = Flood(name, connections, act, sources, also, quick)
        return act

    return register
