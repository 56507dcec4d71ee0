"""A queue that tenants share: one tenant may fill it, and none keeps another out."""

import pytest

from app.services.concurrency.fair_queue import FairQueue


def queue_of(max_items: int, **counts: int) -> FairQueue[str]:
    """Return a queue into which each tenant has put so many items, one tenant after another: a0, a1, ..., b0, ..."""
    queue: FairQueue[str] = FairQueue(max_items)
    for tenant, count in counts.items():
        for number in range(count):
            queue.put(tenant, f"{tenant}{number}")
    return queue


def all_of(queue: FairQueue[str]) -> list[str]:
    return [queue.take(queue.next()) for _ in range(len(queue))]


def test_one_tenant_alone_fills_it_and_is_served_in_order() -> None:
    queue = queue_of(4, a=4)
    assert queue.put("a", "newest") == "newest"
    assert all_of(queue) == ["a0", "a1", "a2", "a3"]


def test_tenants_are_served_by_turns() -> None:
    assert all_of(queue_of(9, a=4, b=2, c=1)) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_a_tenant_that_comes_back_has_its_turn_after_the_others() -> None:
    queue = queue_of(9, a=1, b=2)
    assert queue.take(queue.next()) == "a0"
    queue.put("a", "later")
    assert all_of(queue) == ["b0", "later", "b1"]


def test_when_it_is_full_the_newest_of_the_longest_gives_way_until_both_have_half() -> None:
    queue = queue_of(4, a=4)
    assert [queue.put("b", f"b{number}") for number in range(3)] == ["a3", "a2", "b2"]
    assert all_of(queue) == ["a0", "b0", "a1", "b1"]


def test_a_third_tenant_gets_in_as_well() -> None:
    queue = queue_of(4, a=2, b=2)
    assert queue.put("c", "c0") in ("a1", "b1")
    assert "c0" in all_of(queue)


def test_the_first_item_stays_until_it_is_taken() -> None:
    queue = queue_of(4, a=1, b=1)
    assert [queue.first("a"), queue.first("a"), queue.next(), queue.take("a")] == ["a0", "a0", "a", "a0"]
    assert [queue.next(), queue.first("b")] == ["b", "b0"]


def test_a_discarded_item_is_not_served_and_leaves_room() -> None:
    queue = queue_of(2, a=2)
    queue.discard("a", "a0")
    queue.discard("a", "a0")
    queue.discard("nobody", "a0")
    assert len(queue) == 1
    assert queue.put("a", "a2") is None
    assert all_of(queue) == ["a1", "a2"]


def test_the_tenant_that_weighs_least_is_next_and_among_equals_the_one_whose_turn_it_is() -> None:
    queue = queue_of(9, a=2, b=2, c=2)
    weights = {"a": 2, "b": 1, "c": 1}
    assert queue.next(weights.__getitem__) == "b"
    assert queue.take("b") == "b0"
    assert queue.next(weights.__getitem__) == "c"


def test_an_empty_one_has_nothing() -> None:
    queue = queue_of(2)
    with pytest.raises(StopIteration):
        queue.next()
    with pytest.raises(KeyError):
        queue.take("a")
    with pytest.raises(KeyError):
        queue.first("a")
    assert len(queue) == 0
