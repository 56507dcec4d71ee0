"""The real OpenTelemetry SDK and its exporter, and the service as a real process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import StatusCode

from tests.conftest import TestDatabase
from tests.http.test_metrics import free_port, read
from tests.support.lossy_proxy import lossy_proxy
from tests.support.otlp import AGENT, tracer_provider
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service


@pytest.fixture
def key(database: TestDatabase) -> str:
    return database.issue_api_key("acme", "write")


@pytest.fixture
def service(database: TestDatabase) -> Iterator[ServiceProcess]:
    with running_service(database_url=database.url("audit_app"), otlp_enabled="true") as service:
        yield service


def url(service: ServiceProcess) -> str:
    return str(service.http.base_url).rstrip("/")


def make_spans(exporting: TracerProvider, count: int) -> None:
    for _ in range(count):
        exporting.get_tracer("tests").start_span("invoke_agent kyc", attributes=AGENT).end()


def count(database: TestDatabase) -> int:
    ((found,),) = database.execute("SELECT count(*)::int FROM audit.audit_logs")
    return int(found)


def test_the_spans_of_an_agent_are_on_record(database: TestDatabase, service: ServiceProcess, key: str) -> None:
    with tracer_provider(url(service), key, **{"service.name": "loans"}) as exporting:
        spans = exporting.get_tracer("tests")
        agent = AGENT | {"enduser.id": "jane"}
        with spans.start_as_current_span("invoke_agent kyc", attributes=agent) as outer:
            with spans.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}):
                pass
            tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
            with spans.start_as_current_span("execute_tool search", attributes=tool) as inner:
                inner.set_attribute("error.type", "timeout")
                inner.set_status(StatusCode.ERROR, "took too long: Jane Doe")
    trace_id = f"{outer.get_span_context().trace_id:032x}"
    outer_id, inner_id = (f"{each.get_span_context().span_id:016x}" for each in (outer, inner))
    found = database.execute(
        "SELECT agent_id, trace_id, mode, status, error, user_id, latency_ms >= 0, context::jsonb"
        " FROM audit.audit_logs ORDER BY agent_id"
    )
    context = {"span_id": inner_id, "parent_span_id": outer_id, "gen_ai.tool.name": "search"}
    assert found == [
        ("kyc", trace_id, "LIVE", "success", None, "jane", True, {"span_id": outer_id}),
        ("loans", trace_id, "LIVE", "error", "timeout", None, True, context),
    ]
    counted: Any = read(service)
    outcomes = {each: counted["ringfence_otlp_spans_total", f"outcome={each}"] for each in ("recorded", "dropped")}
    assert outcomes == {"recorded": 2, "dropped": 1}


@pytest.mark.parametrize("spans", [1, 3])
def test_spans_whose_answer_is_lost_are_sent_again_and_stored_once(
    database: TestDatabase, service: ServiceProcess, key: str, spans: int
) -> None:
    with lossy_proxy(("127.0.0.1", int(service.http.base_url.port or 0))) as proxy:
        with tracer_provider(f"http://127.0.0.1:{proxy.port}", key) as exporting:
            proxy.lose = b"HTTP/1.1 200"
            make_spans(exporting, spans)
        assert proxy.lost == 1
    assert count(database) == spans
    assert read(service)["ringfence_otlp_spans_total", "outcome=recorded"] == 2 * spans


def test_spans_are_sent_again_until_the_database_is_back(
    database: TestDatabase, service: ServiceProcess, key: str
) -> None:
    with tracer_provider(url(service), key) as exporting, ThreadPoolExecutor(1) as pool:
        make_spans(exporting, 1)
        exporting.force_flush()
        assert count(database) == 1
        database.go_down()
        try:
            make_spans(exporting, 3)
            flushing = pool.submit(exporting.force_flush)
            eventually(lambda: read(service).get(("ringfence_refused_total", "kind=storage-unavailable")))
        finally:
            database.come_up()
        assert flushing.result()
    assert count(database) == 4


def test_spans_are_sent_again_to_a_service_that_was_killed(database: TestDatabase, key: str) -> None:
    settings = {"database_url": database.url("audit_app"), "otlp_enabled": "true", "port": free_port()}
    with running_service(**settings) as killed, tracer_provider(url(killed), key) as exporting:
        make_spans(exporting, 2)
        exporting.force_flush()
        killed.kill()
        make_spans(exporting, 3)
        with ThreadPoolExecutor(1) as pool:
            flushing = pool.submit(exporting.force_flush)
            with running_service(**settings):
                assert flushing.result()
    assert count(database) == 5


def test_spans_are_spooled_while_the_database_is_unavailable(database: TestDatabase, key: str, tmp_path: Path) -> None:
    settings = {"database_url": database.url("audit_app"), "spool": "on", "spool_path": tmp_path / "spool"}
    with running_service(otlp_enabled="true", **settings) as service:
        with tracer_provider(url(service), key) as exporting:
            make_spans(exporting, 1)
            exporting.force_flush()
            database.go_down()
            make_spans(exporting, 3)
            exporting.force_flush()
            eventually(lambda: read(service).get(("ringfence_spooled_total", "")) == 3)
            database.come_up()
        eventually(lambda: count(database) == 4)


def test_the_exporter_gives_up_spans_of_a_key_that_may_not_write(
    database: TestDatabase, service: ServiceProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with tracer_provider(url(service), database.issue_api_key("acme", "read")) as exporting:
        make_spans(exporting, 2)
    assert "403" in caplog.text
    assert count(database) == 0
    assert read(service)["ringfence_refused_total", "kind=scope-missing"] == 1
