"""The service is killed, stopped, frozen or started late: what was acknowledged is stored once, and in order."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Service, Tenant, eventually

import ringfence


def test_a_service_that_is_killed_and_restarted_while_many_write_loses_and_doubles_nothing(
    service: Service, tenant: Tenant, spool: Path
) -> None:
    stop = threading.Event()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:

        def execute(writer: int) -> list[str]:
            traces = []
            while not stop.is_set():
                with audit.execution(f"writer-{writer}") as e:
                    pass
                traces.append(e.trace_id)
            return traces

        def enqueue() -> list[str]:
            ids = []
            while not stop.wait(0.002):  # a rate, and not as much as the disk takes
                ids.append(audit.enqueue("queue", status="success"))
            return ids

        with ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(execute, number) for number in range(3)]
            queued = pool.submit(enqueue)
            for _ in range(3):
                before = len(tenant.records())
                eventually(lambda before=before: len(tenant.records()) > before + 100)  # type: ignore[misc]
                service.kill()
                eventually(lambda: audit.spooled > 50)
                service.start()
            eventually(lambda: audit.spooled == 0)
            stop.set()
        audit.flush()
        eventually(lambda: audit.spooled == 0)

    executed = [trace for writer in writers for trace in writer.result()]
    stored = tenant.records("trace_id, status")
    assert sorted(stored, key=str) == sorted(
        [(trace, status) for trace in executed for status in ("started", "success")]
        + [(None, "success")] * len(queued.result()),
        key=str,
    )
    assert set(queued.result()) <= set(tenant.ids())
    assert len(executed) > 50


def test_one_writer_s_records_keep_their_order_over_an_outage(service: Service, tenant: Tenant, spool: Path) -> None:
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        written = [audit.record("kyc", status="success") for _ in range(5)]
        service.kill()
        written += [audit.record("kyc", status="success") for _ in range(300)]
        assert audit.spooled == 300
        service.start()
        while audit.spooled:
            written.append(audit.record("kyc", status="success"))
        written.append(audit.record("kyc", status="success"))
        eventually(lambda: audit.spooled == 0)

    assert tenant.ids() == written


def test_a_service_that_was_restarted_gets_the_next_record_at_once(
    audit: ringfence.Client, service: Service, tenant: Tenant, spool: Path
) -> None:
    audit.record("kyc", status="success")
    service.kill()
    service.start()
    audit.record("kyc", status="success")

    assert len(tenant.ids()) == 2
    assert not spool.exists()


def test_a_service_that_does_not_answer_is_not_waited_for_twice(service: Service, tenant: Tenant, spool: Path) -> None:
    with ringfence.Client(service.url, tenant.key, spool=spool, timeout=0.3) as audit:
        audit.record("kyc", status="success")
        assert service.process is not None
        service.process.send_signal(signal.SIGSTOP)
        try:
            first, second = (audit.record("kyc", status="success") for _ in range(2))
            assert audit.spooled == 2
        finally:
            service.process.send_signal(signal.SIGCONT)
        eventually(lambda: audit.spooled == 0)

    assert tenant.ids()[1:] == [first, second]


SPOOL_AND_DIE = """
import os, ringfence, signal
audit = ringfence.Client(spool={spool!r})
with audit.execution("kyc", user="jane") as e:
    print(audit.spooled, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_has_spooled_is_sent_by_the_next_one(
    service: Service, tenant: Tenant, spool: Path
) -> None:
    service.kill()
    environment = os.environ | {"RINGFENCE_URL": service.url, "RINGFENCE_API_KEY": tenant.key}
    command = [sys.executable, "-c", SPOOL_AND_DIE.format(spool=str(spool))]
    died = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (died.stdout, died.returncode) == ("1\n", -signal.SIGKILL)

    service.start()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        eventually(lambda: audit.spooled == 0)
        audit.record("kyc", status="success")

    assert tenant.records("status, user_id") == [("started", "jane"), ("success", None)]


def test_two_clients_share_a_spool_and_double_nothing(service: Service, tenant: Tenant, spool: Path) -> None:
    service.kill()
    with (
        ringfence.Client(service.url, tenant.key, spool=spool) as one,
        ringfence.Client(service.url, tenant.key, spool=spool) as other,
    ):
        written = [client.record("kyc", status="success") for _ in range(150) for client in (one, other)]
        service.start()
        eventually(lambda: one.spooled == 0)

    assert tenant.ids() == written


def test_a_spooled_record_says_when_it_was_made_and_when_it_came(service: Service, tenant: Tenant, spool: Path) -> None:
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        audit.record("kyc", status="success")
        service.start()
        eventually(lambda: audit.spooled == 0)
        (record,) = audit.logs()

    assert ringfence.time_of(record.id) < record.created_at


def test_records_are_not_sent_with_the_key_of_another_tenant(
    service: Service, tenant: Tenant, another: Tenant, spool: Path
) -> None:
    service.kill()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        audit.record("kyc", status="success")
    service.start()
    with ringfence.Client(service.url, another.key, spool=spool) as audit:
        audit.record("kyc", status="denied")
        assert audit.spooled == 0
    assert (tenant.records(), another.records()) == ([], [("denied",)])

    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        eventually(lambda: audit.spooled == 0)
    assert (tenant.records(), another.records()) == ([("success",)], [("denied",)])


def test_without_a_spool_work_does_not_begin_unrecorded(service: Service, tenant: Tenant) -> None:
    service.kill()
    began = False
    with (
        ringfence.Client(service.url, tenant.key, spool=False) as audit,
        pytest.raises(ringfence.NotRecorded),
        audit.execution("kyc"),
    ):
        began = True
    assert not began

    service.start()
    with ringfence.Client(service.url, tenant.key, spool=False) as audit, audit.execution("kyc"):
        began = True
    assert began
    assert tenant.records() == [("started",), ("success",)]


def test_without_a_spool_an_outcome_that_is_lost_is_told(service: Service, tenant: Tenant) -> None:
    with (
        ringfence.Client(service.url, tenant.key, spool=False) as audit,
        pytest.raises(ringfence.OutcomeNotRecorded),
        audit.execution("kyc"),
    ):
        service.kill()

    assert tenant.records() == [("started",)]


def test_the_error_of_the_work_is_raised_on_when_its_outcome_is_lost(service: Service, tenant: Tenant) -> None:
    with (
        ringfence.Client(service.url, tenant.key, spool=False) as audit,
        pytest.raises(ZeroDivisionError),
        audit.execution("kyc"),
    ):
        service.kill()
        raise ZeroDivisionError


def test_work_may_proceed_unrecorded_where_the_author_says_so(
    service: Service, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    service.kill()
    began = False
    with (
        ringfence.Client(service.url, tenant.key, spool=False, unrecorded="proceed") as audit,
        audit.execution("kyc", user="jane"),
    ):
        began = True

    assert began
    assert caplog.text.count("unrecorded") == 1
    assert "jane" not in caplog.text


def test_a_spool_that_is_damaged_is_told_before_any_work(service: Service, tenant: Tenant, spool: Path) -> None:
    spool.parent.mkdir()
    spool.write_bytes(b"no database" * 1000)
    with pytest.raises(ringfence.NotRecorded, match="not a database"):
        ringfence.Client(service.url, tenant.key, spool=spool)

    assert spool.read_bytes() == b"no database" * 1000


def test_writers_that_never_pause_let_the_spool_become_empty(service: Service, tenant: Tenant, spool: Path) -> None:
    stop = threading.Event()
    with ringfence.Client(service.url, tenant.key, spool=spool) as audit:
        audit.record("kyc", status="success")
        service.kill()

        def write() -> int:
            count = 0
            while not stop.is_set():
                audit.record("kyc", status="success")
                count += 1
            return count

        with ThreadPoolExecutor(8) as pool:
            writers = [pool.submit(write) for _ in range(8)]
            eventually(lambda: audit.spooled > 1000)
            service.start()
            eventually(lambda: not audit._delivery.backlog.is_spooling)
            stop.set()
        eventually(lambda: audit.spooled == 0)

    assert len(tenant.ids()) == 1 + sum(writer.result() for writer in writers)
