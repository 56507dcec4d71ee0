"""The queue: batches in order, a bound, and what becomes of a record that is refused."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import Service, Tenant, eventually

import ringfence


def test_a_thousand_records_arrive_in_order_in_few_transactions(audit: ringfence.Client, tenant: Tenant) -> None:
    written = [audit.enqueue("kyc", status="success", user="jane", latency_ms=number) for number in range(1000)]
    audit.flush()

    assert tenant.ids() == written
    assert len(set(tenant.records("recorded_xid"))) < 100


def test_closing_sends_what_is_queued(service: Service, tenant: Tenant, spool: Path) -> None:
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        written = audit.enqueue("kyc", status="success")

    assert tenant.ids() == [written]
    with pytest.raises(ringfence.NotRecorded, match="closed"):
        audit.enqueue("kyc", status="success")


def test_a_process_that_ends_without_closing_sends_what_is_queued(
    service: Service, tenant: Tenant, spool: Path
) -> None:
    code = "import sys, ringfence; ringfence.Client(*sys.argv[1:3], spool=sys.argv[3]).enqueue('kyc', status='success')"
    subprocess.run([sys.executable, "-c", code, service.url, tenant.key, str(spool)], check=True)

    assert tenant.records() == [("success",)]


def test_a_full_queue_holds_its_callers_up_and_loses_nothing(service: Service, tenant: Tenant, spool: Path) -> None:
    with ringfence.Client(service.url, tenant.key, spool=spool, queue_size=3) as audit:
        written = []
        for _ in range(50):
            written.append(audit.enqueue("kyc", status="success"))
            assert len(audit._delivery._queue._queued) <= 3

    assert tenant.ids() == written


def test_what_is_queued_waits_behind_what_was_spooled(service: Service, tenant: Tenant, spool: Path) -> None:
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        written = [audit.record("kyc", status="success")]
        eventually(lambda: audit._delivery._pause > 1)  # the next attempt is some time away
        service.start()
        written.append(audit.enqueue("kyc", status="success"))
        eventually(lambda: len(tenant.ids()) == 2)

    assert tenant.ids() == written


def test_a_queue_that_can_be_neither_sent_nor_spooled_takes_no_more_and_keeps_what_it_has(
    service: Service, tenant: Tenant
) -> None:
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=False) as audit:
        first = audit.enqueue("kyc", status="success")
        with pytest.raises(ringfence.NotRecorded):
            audit.flush(timeout=0.2)
        with pytest.raises(ringfence.NotRecorded):
            audit.enqueue("kyc", status="success")
        service.start()
        audit.flush()
        second = audit.enqueue("kyc", status="success")

    assert tenant.ids() == [first, second]


def test_a_record_that_the_service_refuses_is_told_and_holds_up_no_other(
    audit: ringfence.Client, tenant: Tenant
) -> None:
    taken = audit.record("kyc", status="success")
    written = [audit.enqueue("kyc", status="success")]
    _enqueue_as(audit, taken)
    written.append(audit.enqueue("kyc", status="success"))

    with pytest.raises(ringfence.InvalidRequest, match="another record"):
        audit.flush()
    audit.flush()
    assert tenant.ids() == [taken, *written]
    assert [letter.id for letter in audit.dead_letters()] == [taken]


def test_a_spooled_record_that_the_service_refuses_holds_up_no_other(
    audit: ringfence.Client, service: Service, tenant: Tenant
) -> None:
    taken = audit.record("kyc", status="success")
    service.kill()
    written = [audit.record("kyc", status="success")]
    _enqueue_as(audit, taken)
    audit.flush()
    written.append(audit.record("kyc", status="success"))
    service.start()

    eventually(lambda: audit.spooled == 0)
    assert tenant.ids() == [taken, *written]
    assert [letter.id for letter in audit.dead_letters()] == [taken]


def test_a_spool_that_is_full_keeps_what_it_has(service: Service, tenant: Tenant, spool: Path) -> None:
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool, spool_max_bytes=65_536) as audit:
        written = []
        with pytest.raises(ringfence.NotRecorded, match="full"):
            for _ in range(1000):
                written.append(audit.record("kyc", status="success", error="x" * 1000))
        assert audit.spooled == len(written) > 5
        service.start()
        eventually(lambda: audit.spooled == 0)
        written.append(audit.record("kyc", status="success"))

    assert tenant.ids() == written


def test_a_spool_whose_oldest_record_has_waited_too_long_takes_no_more_and_keeps_what_it_has(
    service: Service, tenant: Tenant, spool: Path
) -> None:
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        written = [audit.record("kyc", status="success") for _ in range(2)]
        with sqlite3.connect(spool) as connection:
            connection.execute("UPDATE waiting SET spooled_at = spooled_at - 7 * 24 * 3600")
        connection.close()
        with (
            pytest.raises(ringfence.NotRecorded, match=r"a record has waited for 168\.0 hours"),
            audit.execution("kyc"),
        ):
            pytest.fail("the work began")
        assert audit.spooled == 2
        service.start()
        eventually(lambda: audit.spooled == 0)
        written.append(audit.record("kyc", status="success"))

    assert tenant.ids() == written


def test_the_age_of_another_tenant_s_records_keeps_nobody_out_of_the_spool(
    service: Service, tenant: Tenant, another: Tenant, spool: Path
) -> None:
    service.kill()
    with (
        ringfence.Client(service.url, tenant.key, spool=spool, spool_max_seconds=0) as old,
        ringfence.Client(service.url, another.key, spool=spool, spool_max_seconds=0) as new,
    ):
        old.record("kyc", status="success")
        new.record("kyc", status="success")
        with pytest.raises(ringfence.NotRecorded, match="too old"):
            old.record("kyc", status="success")
        assert (old.spooled, new.spooled) == (1, 1)


def test_threads_share_a_client(audit: ringfence.Client, tenant: Tenant) -> None:
    written: list[str] = []

    def write() -> None:
        written.extend(audit.enqueue("kyc", status="success") for _ in range(100))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    audit.flush()

    assert sorted(tenant.ids()) == sorted(written)


def _enqueue_as(audit: ringfence.Client, id_: str) -> None:
    """Queue another record under an id that is taken, which only the database can notice."""
    record = f'{{"id":"{id_}","agent_id":"another","mode":"LIVE","status":"error"}}'
    audit._delivery.enqueue(record)
