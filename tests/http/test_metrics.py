"""What Prometheus gets to read, and who may."""

import re
import socket
from pathlib import Path

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from app.ship.metrics import Metrics as ShipperMetrics
from app.sign.metrics import Metrics as SignerMetrics
from app.telemetry import metrics
from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, bearer, execute
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service

ROOT = Path(__file__).parents[2]
EXECUTE = "/api/v1/agents/kyc/execute"
ACME = {"X-Tenant-ID": "acme", "Connection": "close"}


def read(service: ServiceProcess) -> dict[tuple[str, str], float]:
    """Return every sample by its name and labels."""
    answer = service.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_requests_of_every_worker_are_counted_by_route_and_status(database: TestDatabase, workers: int) -> None:
    with running_service(database_url=database.url(), port=free_port(), web_concurrency=workers) as service:
        eventually(lambda: service.printed().count("Application startup complete") == workers)
        for _ in range(20):
            assert service.http.post(EXECUTE, headers=ACME, json={"input": {}}).status_code == 200
        service.http.get("/api/v1/audit/logs?nothing=1", headers=ACME)
        service.http.get("/elsewhere/jane", headers=ACME)
        found = read(service)
        route = "route=/api/v1/agents/{agent_id}/execute"
        assert found["ringfence_requests_total", f"method=POST,{route},status=200"] == 20
        assert found["ringfence_request_seconds_count", route] == 20
        assert found["ringfence_requests_total", "method=GET,route=unmatched,status=404"] == 1
        assert found["ringfence_refused_total", "kind=invalid-request"] == 1
        assert found["ringfence_commit_records_sum", ""] == 20
        eventually(lambda: read(service).get(("ringfence_database_up", "")) == 1)
        eventually(lambda: read(service).get(("ringfence_isolation_intact", "")) == 1)
        assert not [labels for _, labels in found if re.search("kyc|acme|jane", labels)]


def test_they_are_read_while_the_database_is_unavailable_and_say_so(database: TestDatabase, tmp_path: Path) -> None:
    with running_service(database_url=database.url(), spool=True, spool_path=tmp_path / "spool") as service:
        assert service.http.post(EXECUTE, headers=ACME, json={"input": {}}).status_code == 200
        database.go_down()
        answer = service.http.post(EXECUTE, headers=ACME, json={"input": {}})
        assert answer.json()["stored"] == "spool", answer.text
        eventually(lambda: read(service).get(("ringfence_spool_records", "")) == 1)
        found = read(service)
        assert found["ringfence_database_up", ""] == 0
        assert found["ringfence_spooled_total", ""] == 1
        assert found["ringfence_spool_bytes", ""] > 100
        database.come_up()
        eventually(lambda: read(service)["ringfence_replayed_total", ""] == 1)
        eventually(lambda: read(service)["ringfence_spool_records", ""] == 0)


def test_the_space_of_each_table_and_index_is_told(database: TestDatabase) -> None:
    database.execute("INSERT INTO audit.pruned_ids SELECT gen_random_uuid() FROM generate_series(1, 5000)")
    database.execute("ANALYZE audit.pruned_ids")
    with running_service(database_url=database.url("audit_app")) as service:
        eventually(lambda: ("ringfence_database_records", "relation=pruned_ids") in read(service))
        found = read(service)
        assert found["ringfence_database_records", "relation=pruned_ids"] == 5000
        assert found["ringfence_database_bytes", "kind=table,relation=pruned_ids"] > 5000 * 16
        assert found["ringfence_database_bytes", "kind=index,relation=pruned_ids_pkey"] > 5000 * 16
        bytes_of_tables = {name for name, labels in found if labels.startswith("kind=table")}
        assert bytes_of_tables == {"ringfence_database_bytes"}


def test_neither_a_scrape_nor_a_record_waits_while_a_table_is_locked(database: TestDatabase) -> None:
    database.execute("CREATE TABLE audit.added ()")  # which no other query of the service comes to
    database.execute(
        "ALTER TABLE audit.added OWNER TO audit_owner, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    )
    database.execute("REVOKE ALL ON audit.added FROM audit_owner")
    with psycopg.connect(database.url("postgres")) as migrating:
        migrating.execute("LOCK TABLE audit.added IN ACCESS EXCLUSIVE MODE")
        with running_service(database_url=database.url(), database_pool_size=2) as service:
            eventually(lambda: waits_for_a_lock(database))
            assert service.http.post(EXECUTE, headers=ACME, json={"input": {}}).status_code == 200
            assert ("ringfence_database_bytes", "kind=table,relation=audit_logs") not in read(service)
            assert waits_for_a_lock(database)


def waits_for_a_lock(database: TestDatabase) -> bool:
    return bool(
        database.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND application_name = 'ringfence'"
        )
    )


def test_broken_isolation_is_a_verdict_of_0(database: TestDatabase) -> None:
    with running_service(database_url=database.url()) as service:
        eventually(lambda: read(service).get(("ringfence_isolation_intact", "")) == 1)
        database.execute("CREATE POLICY stray ON audit.audit_logs TO audit_trusted USING (true)")
        assert service.http.get("/api/v1/health/db").status_code == 503
        assert read(service)["ringfence_isolation_intact", ""] == 0


def test_who_is_elsewhere_needs_the_token(serve: Serve) -> None:
    # A client within the process comes from no address at all.
    assert_problem(serve().get("/metrics"), 403, "metrics-refused")
    client = serve(metrics_token=SecretStr("s3cret"))
    assert_problem(client.get("/metrics"), 403, "metrics-refused")
    assert_problem(client.get("/metrics", headers=bearer("s3cre")), 403, "metrics-refused")
    assert client.get("/metrics", headers=bearer("s3cret")).status_code == 200


def test_with_a_token_this_machine_needs_it_too(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl", metrics_token="s3cret") as service:
        assert service.http.get("/metrics").status_code == 403
        assert service.http.get("/metrics", headers=bearer("s3cret")).status_code == 200
        assert "s3cret" not in service.printed()


def test_the_page_names_every_metric_and_no_other() -> None:
    named = set(re.findall(r"^\| `(ringfence_\w+)`", (ROOT / "docs/operations.md").read_text(), re.MULTILINE))
    registries = (metrics.REGISTRY, SignerMetrics().registry, ShipperMetrics().registry)
    kept = {
        f"{each.name}_total" if each.type == "counter" else each.name
        for registry in registries
        for each in registry.collect()
    }
    assert named == {name for name in kept if not name.startswith("process_")}


def test_what_prometheus_shows_of_a_metric_is_understood_without_the_others() -> None:
    """Each text is shown alone: one that points to another is understood by nobody."""
    texts = [each.documentation for each in metrics.REGISTRY.collect()]
    assert not [
        text for text in texts if re.search(r"\b(it|its own|their|them|they|there)\b", text.split(";")[0], re.I)
    ]
    assert not [text for text in texts if len(text.split()) < 5]
    assert len(set(texts)) == len(texts)


def test_metrics_are_not_part_of_the_document(serve: Serve) -> None:
    client = serve()
    assert execute(client).status_code == 200
    assert "/metrics" not in client.get("/openapi.json").json()["paths"]
