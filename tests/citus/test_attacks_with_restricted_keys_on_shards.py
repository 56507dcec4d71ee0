"""A key that shows a part of its tenant shows no more of it on a cluster: the attacks of tests/attacks."""

import pytest

from tests.attacks import test_attacks_with_restricted_keys
from tests.citus.conftest import Distributed
from tests.citus.mirrored import empty, mirrored

FAILING = {"test_counters_tell_nothing_of_what_one_filter_or_a_window_hides": "the worker counts what is read"}


@pytest.fixture(autouse=True)
def _nothing_of_the_test_before(distributed: Distributed) -> None:
    empty(distributed)


attack = test_attacks_with_restricted_keys.attack
globals().update(mirrored(test_attacks_with_restricted_keys, but_for={}, failing=FAILING))
