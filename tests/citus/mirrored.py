"""The tests of a module of tests/attacks, to be run on a cluster too."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from tests.citus.conftest import Distributed


def mirrored(*modules: ModuleType, but_for: Mapping[str, str], failing: Mapping[str, str]) -> dict[str, Any]:
    """Return the test functions of modules by name.

    but_for: names of tests that are left out, with the reason. failing: names of those that fail, with the reason; it
    is an error when one of them passes.
    """
    tests = {
        name: test
        for module in modules
        for name, test in vars(module).items()
        if name.startswith("test_") and callable(test) and name not in but_for
    }
    for name, reason in failing.items():
        tests[name] = pytest.mark.xfail(strict=True, reason=reason)(tests[name])
    return tests


def empty(distributed: Distributed) -> None:
    """Delete the records and events of the test before."""
    with distributed.cluster.connect() as superuser:
        superuser.execute("DELETE FROM audit.audit_logs")
        superuser.execute("DELETE FROM audit.admin_events")
