"""A bounded queue that tenants share: served in turns, and when it is full, shortened where it is longest."""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Round-robin over the tenants that have something queued; first in, first out within each.

    One busy tenant may fill all of it. When another comes, the busy one gives way: the newest item of the longest queue
    is dropped. So no bound for each tenant has to be guessed, and what is served is never older than it has to be.
    """

    def __init__(self, max_items: int) -> None:
        """max_items: of all tenants together."""
        self._max_items = max_items
        self._queues: OrderedDict[str, deque[Item]] = OrderedDict()  # in the order of their turns; none is empty
        self._count = 0

    def __len__(self) -> int:
        """How many items are queued."""
        return self._count

    def put(self, tenant: str, item: Item) -> Item | None:
        """Append an item. Return the one that is dropped for it, which may be the same, or None when there was room."""
        queue = self._queues.get(tenant)
        if queue is None:
            queue = self._queues[tenant] = deque()
        queue.append(item)
        self._count += 1
        if self._count <= self._max_items:
            return None
        longest = max(self._queues, key=lambda each: len(self._queues[each]))
        if len(self._queues[longest]) == len(queue):
            longest = tenant
        dropped = self._queues[longest].pop()
        self._shorten(longest)
        return dropped

    def first(self) -> Item:
        """Return the item whose turn it is, and leave it there. Raises IndexError when there is none."""
        for queue in self._queues.values():
            return queue[0]
        raise IndexError

    def take(self) -> Item:
        """Take the item whose turn it is. Raises IndexError when there is none."""
        for tenant in self._queues:
            return self.take_from(tenant)
        raise IndexError

    def least(self, weight: Callable[[str], int]) -> str:
        """Return the queued tenant that weighs least, by turns among equals. Raises ValueError when there is none."""
        return min(self._queues, key=weight)

    def take_from(self, tenant: str) -> Item:
        """Take the first item of `tenant`. Raises KeyError when it has none."""
        queue = self._queues[tenant]
        item = queue.popleft()
        if len(queue) > 0:
            self._queues.move_to_end(tenant)
        self._shorten(tenant)
        return item

    def remove(self, tenant: str, item: Item) -> None:
        """Take an item out, if it is still there: whoever queued it has gone."""
        queue = self._queues.get(tenant)
        if queue is not None and item in queue:
            queue.remove(item)
            self._shorten(tenant)

    def _shorten(self, tenant: str) -> None:
        self._count -= 1
        if not self._queues[tenant]:
            del self._queues[tenant]
