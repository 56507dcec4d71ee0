"""Records that were never spooled: made up, changed, of another tenant or time. The attacker speaks SQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.types.json import Json

from tests.conftest import TestDatabase
from tests.support.attacker import APPEND, Attack, assert_nothing, assert_refused, attacking
from tests.support.spooled_records import spooled
from tests.support.time_zones import zone


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def replay(session: Connection[Any], *elements: dict[str, str]) -> list[str | None]:
    """Return the SQLSTATE of each refusal, None for what was stored."""
    outcomes = Attack.value(session, "SELECT audit.replay_audit_logs(%s)", Json(list(elements)))
    return [outcome and outcome["sqlstate"] for outcome in outcomes]


def test_ones_own_key_proves_ones_own_tenant_alone(attack: Attack) -> None:
    own = attack.keys["acme"]
    assert replay(attack.session(), spooled(own), spooled(own, tenant="globex")) == [None, "RF007"]


@pytest.mark.parametrize(
    "change", [{"tenant_id": "globex"}, {"user_id": "x"}, {"created_at": "2026-01-01T00:00:00Z"}, {"x": 1}]
)
def test_what_was_changed_after_it_was_proven_is_refused(attack: Attack, change: dict[str, Any]) -> None:
    assert replay(attack.session(), spooled(attack.keys["acme"], **change)) == ["RF005"]


def test_the_public_id_of_anothers_key_proves_nothing(attack: Attack) -> None:
    known = attack.keys["globex"].split("_")[1]
    forged = spooled(f"rf_{known}_{attack.keys['acme'].split('_')[2]}", tenant="globex")
    assert replay(attack.session(), forged, {**forged, "hmac": ""}, {"line": forged["line"]}) == ["RF005"] * 3


def test_a_key_that_may_only_read_brings_nothing(attack: Attack) -> None:
    assert replay(attack.session(), spooled(attack.issue_key("acme", "read"))) == ["RF006"]


def test_a_key_that_was_revoked_brings_nothing_that_is_dated_afterwards(attack: Attack) -> None:
    key = attack.issue_key("acme", "write")
    attack.value(attack.administrator, "SELECT audit.revoke_api_key(%s)", key.split("_")[1])
    assert replay(attack.session(), spooled(key)) == ["RF005"]


def test_nothing_of_a_replay_is_left_for_what_comes_after_it(attack: Attack) -> None:
    session = attack.session()
    with session.transaction():
        assert replay(session, spooled(attack.keys["acme"])) == [None]
        assert_nothing(session)
        assert_refused(session, APPEND.format("'acme'"))


def test_a_tenant_that_was_entered_before_is_not_what_counts(attack: Attack) -> None:
    with attack.request() as session:
        assert replay(session, spooled(attack.issue_key("acme", "read"))) == ["RF006"]
        assert replay(session, {"line": spooled(attack.keys["acme"])["line"]}) == ["RF005"]


def test_a_time_lies_within_seven_days_and_what_is_backdated_is_on_record(attack: Attack) -> None:
    old = (datetime.now(UTC) - timedelta(days=8)).isoformat()
    with attack.request() as session:
        assert_refused(
            session,
            "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)"
            f" VALUES (gen_random_uuid(), 'acme', 'a', '{old}')",
        )
    assert replay(attack.session(), spooled(attack.keys["acme"])) == [None]
    acts = attack.administrator.execute("SELECT tenant_id FROM audit.admin_events WHERE act = 'records replayed'")
    assert acts.fetchall() == [("acme",)]


def test_a_day_of_the_seven_has_24_hours_whatever_time_zone_the_session_has_made_up(attack: Attack) -> None:
    now = datetime.now(UTC)
    key = attack.keys["acme"]
    for age, outcome in ((timedelta(days=6, hours=23), None), (timedelta(days=7, hours=1), "RF003")):
        session = attack.session("audit_gateway")
        session.execute(b"SELECT set_config('TimeZone', %s, false)", [zone(timedelta(days=7), -90)])
        assert replay(session, spooled(key, created_at=(now - age).isoformat())) == [outcome]


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_on_an_old_snapshot_nothing_is_replayed(attack: Attack, level: str) -> None:
    session = attack.session()
    session.execute(f"SET default_transaction_isolation = '{level.lower()}'".encode())
    assert_refused(session, "SELECT audit.replay_audit_logs('[]')", "25000")
