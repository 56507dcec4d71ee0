"""A queue of limited length that tenants share: served in turns, and shortened where it is longest."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Round-robin over tenants; first in, first out within each.

    One busy tenant may fill the queue. When another comes, the newest item of the longest queue is dropped. So no limit
    for each tenant has to be guessed, and no item is older than it has to be.
    """

    def __init__(self, max_items: int) -> None:
        """max_items: of all tenants together."""
        self._max_items = max_items
        self._queues: OrderedDict[str, deque[Item]] = OrderedDict()  # in the order of their turns; none is empty
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, tenant: str, item: Item) -> Item | None:
        """Append an item; return the one that is dropped for it, possibly the same, or None when there was room."""
        queue = self._queues.setdefault(tenant, deque())
        queue.append(item)
        self._count += 1
        if self._count <= self._max_items:
            return None
        longest = max(self._queues, key=lambda each: len(self._queues[each]))
        if len(self._queues[longest]) == len(queue):
            longest = tenant
        dropped = self._queues[longest].pop()
        self._removed(longest)
        return dropped

    def next(self, weight: Callable[[str], int] | None = None) -> str:
        """Return the tenant whose turn it is: of those that weigh least, if `weight` is given. The queue has items."""
        return next(iter(self._queues)) if weight is None else min(self._queues, key=weight)

    def first(self, tenant: str) -> Item:
        """Return the first item of a tenant that has some, and leave it in the queue."""
        return self._queues[tenant][0]

    def take(self, tenant: str) -> Item:
        """Remove and return the first item of a tenant that has some; its next turn is after those of the others."""
        item = self._queues[tenant].popleft()
        self._queues.move_to_end(tenant)
        self._removed(tenant)
        return item

    def discard(self, tenant: str, item: Item) -> None:
        """Remove an item, if it is still queued."""
        if item in self._queues.get(tenant, ()):
            self._queues[tenant].remove(item)
            self._removed(tenant)

    def _removed(self, tenant: str) -> None:
        self._count -= 1
        if not self._queues[tenant]:
            del self._queues[tenant]
