"""The great drill with a hundred thousand records: hold, prune, erase, sign, export and verify."""

from tests.retention.drill import HELD_TENANT, TENANT, Drill
from tests.support.keeping import keeping


def test_what_is_left_of_a_pruned_and_erased_trail_proves_itself_and_every_count_agrees() -> None:
    with keeping(TENANT, HELD_TENANT) as at:
        drill = Drill(at, 100_000)
        drill.run()
    assert drill.counts["pruned"] > 50_000
    assert drill.counts["due and held"] > 500
    assert drill.counts["erased"] > 50
    assert drill.counts["folded tiles in a window"] > 10
