"""What Patroni has to live through. Each happens under load, and ends with three machines that are whole again."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.chaos.laboratory import DATABASE, Laboratory
from tests.chaos.ledger import Answer
from tests.failover import page
from tests.failover.trio import Trio
from tests.support.polling import eventually

Fault = Callable[[Laboratory[Trio]], float]
"""Returns the seconds until another machine was the primary; 0 where none had to be."""
FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    """Register a fault under the name that the report gives it."""

    def register(happen: Fault) -> Fault:
        FAULTS[name] = happen
        return happen

    return register


@contextmanager
def _trees_go_on(lab: Laboratory[Trio]) -> Iterator[None]:
    """Demand that every tree that could be signed before the block is the beginning of what is there after it."""
    listing = "SELECT tenant_id, epoch, size, root FROM audit.list_tree_heads()"
    heads = eventually(lambda: lab.cluster.query(listing, DATABASE))
    yield
    for tenant, epoch, size, root in heads:
        found = lab.cluster.query(f"SELECT audit.root_of_size('{tenant}', {epoch}, {size})", DATABASE)
        assert found == [(root,)], f"the tree of {tenant} is another"


@fault("The primary's machine loses its power")
def powered_off(lab: Laboratory[Trio]) -> float:
    old = lab.cluster.primary()
    with lab.under_load():
        with _trees_go_on(lab):
            started = time.monotonic()
            old.power_off()
            lab.cluster.wait_for_another_than(old)
            seconds = time.monotonic() - started
            lab.wait_for(Answer.ACKNOWLEDGED)
        old.switch_on()
        lab.cluster.wait_until_whole()
    return seconds


@fault("PostgreSQL of the primary killed (SIGKILL)")
def postgres_killed(lab: Laboratory[Trio]) -> float:
    with lab.under_load():
        lab.cluster.primary().kill_postgres()
        lab.wait_for(Answer.SPOOLED)
        lab.cluster.wait_until_whole()
    return 0.0


@fault("Patroni of the primary frozen, its PostgreSQL goes on as a second primary")
def patroni_frozen(lab: Laboratory[Trio]) -> float:
    old = lab.cluster.primary()
    with lab.under_load(), _trees_go_on(lab):
        started = time.monotonic()
        with old.frozen_patroni():
            lab.cluster.wait_for_another_than(old)
            seconds = time.monotonic() - started
            lab.wait_for(Answer.SPOOLED, 40)
        lab.cluster.wait_until_whole()
    return seconds


@fault("The standby that confirms commits loses its power")
def standby_powered_off(lab: Laboratory[Trio]) -> float:
    confirming, _ = lab.cluster.standbys()
    with lab.under_load():
        confirming.power_off()
        lab.wait_for(Answer.ACKNOWLEDGED, 500)
        confirming.switch_on()
        lab.cluster.wait_until_whole()
    return 0.0


@fault("A planned change of the primary (patronictl switchover)")
def switched_over(lab: Laboratory[Trio]) -> float:
    old = lab.cluster.primary()
    asked = httpx.post(f"http://{old.address}:8008/switchover", json={"leader": old.name}, trust_env=False)
    assert asked.status_code == 401, "a stranger could change the primary"
    with lab.under_load():
        started = time.monotonic()
        page.switch_over(lab.cluster)
        lab.cluster.wait_for_another_than(old)
        seconds = time.monotonic() - started
        lab.cluster.wait_until_whole()
    return seconds


@fault("A standby made anew from the primary (patronictl reinit)")
def standby_made_anew(lab: Laboratory[Trio]) -> float:
    _, other = lab.cluster.standbys()
    with lab.under_load():
        before = other.started_at()
        page.make_anew(lab.cluster, other.name)
        eventually(lambda: other.started_at() not in (None, before), within=60)
        lab.cluster.wait_until_whole()
    assert page.show(lab.cluster).count("streaming") == 2
    return 0.0
