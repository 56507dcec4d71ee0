"""Records of another key in the spool: the log tells them, and the page how to send them."""

import re
import sqlite3
from pathlib import Path

import pytest
from conftest import Service, Tenant, eventually
from gateway import Gateway, problem

import ringfence

PAGE = Path(__file__).parents[1] / "README.md"


def public_id(key: str) -> str:
    return key.split("_")[1]


def spool_before_the_key_is_known(gateway: Gateway, key: str, spool: Path) -> list[str]:
    """Spool records of a key that the service has never acknowledged, and return their ids."""
    gateway.always(problem(503, "storage-unavailable"))
    with ringfence.Client(gateway.url, key, spool=spool) as audit:
        written = [audit.record("kyc", status="success", user="jane-doe") for _ in range(3)]
    gateway.always(None)
    return written


def test_records_of_another_key_are_told_once_when_the_spool_is_opened(
    gateway: Gateway, tenant: Tenant, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool_before_the_key_is_known(gateway, tenant.key, spool)
    caplog.clear()
    with ringfence.Client(gateway.url, tenant.issue_key(), spool=spool) as audit:
        audit.record("next", status="success")
        assert audit.spooled == 0

    (told,) = [record for record in caplog.records if "of other keys" in record.message]
    assert told.levelname == "WARNING"
    assert f"3 records of other keys ({public_id(tenant.key)}) wait in the spool" in told.message
    assert tenant.key not in caplog.text
    assert "jane-doe" not in caplog.text


def test_records_of_the_client_s_own_key_are_not_told_as_another_s(
    gateway: Gateway, tenant: Tenant, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool_before_the_key_is_known(gateway, tenant.key, spool)
    with ringfence.Client(gateway.url, tenant.key, spool=spool) as audit:
        eventually(lambda: audit.spooled == 0)

    assert "of other keys" not in caplog.text


def test_the_old_key_sends_what_waits_for_it_and_the_next_one_has_nothing_to_tell(
    gateway: Gateway, tenant: Tenant, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written = spool_before_the_key_is_known(gateway, tenant.key, spool)
    with ringfence.Client(gateway.url, tenant.key, spool=spool) as audit:
        eventually(lambda: audit.spooled == 0)
    caplog.clear()
    ringfence.Client(gateway.url, tenant.issue_key(), spool=spool).close()

    assert tenant.ids() == written
    assert "of other keys" not in caplog.text


def test_the_statement_of_the_page_gives_the_records_of_an_old_key_to_a_new_one(
    service: Service, gateway: Gateway, tenant: Tenant, spool: Path
) -> None:
    written = spool_before_the_key_is_known(gateway, tenant.key, spool)
    tenant.revoke(tenant.key)
    new = tenant.issue_key()
    (statement,) = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    statement = statement.replace("OLD", public_id(tenant.key)).replace("NEW", public_id(new))
    with sqlite3.connect(spool) as connection:
        connection.execute(statement)
    connection.close()

    with ringfence.Client(service.url, new, spool=spool) as audit:
        eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == written
