"""The service's log: JSON lines, each with the trace id of its request, and nothing of what was said."""

import json
import logging
import signal
from pathlib import Path
from typing import Any

import pytest

from app.telemetry.log_limiter import MAX_LINES, WINDOW_SECONDS, LogLimiter
from app.telemetry.logs import JsonLines
from tests.conftest import TestDatabase
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_service
from tests.support.raw_http import answers_to

EXECUTE = "/api/v1/agents/a/execute"


def lines(service: ServiceProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.printed().splitlines()]


def test_every_line_is_json_with_its_time_level_and_logger(database: TestDatabase) -> None:
    with running_service(database_url=database.url()) as service:
        service.process.send_signal(signal.SIGTERM)
        service.process.wait()
        found = lines(service)
    assert {"Application startup complete.", "Application shutdown complete."} <= {line["message"] for line in found}
    for line in found:
        assert {"time", "level", "logger", "message"} <= line.keys()


def test_a_refused_key_is_logged_under_the_trace_of_its_own_request(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    database.execute("SELECT audit.revoke_api_key(p_id => %s)", key.split("_")[1])
    with running_service(database_url=database.url("audit_app")) as service:
        for number, credential in enumerate((bearer(key), bearer("rf_malformed"), {"Authorization": "Basic x"})):
            headers = credential | {"X-Trace-ID": f"trace-{number}"}
            assert service.http.post(EXECUTE, headers=headers, json={"input": {}}).status_code == 401
        refused = {line["trace_id"]: line["message"] for line in lines(service) if "refused" in line["message"]}
    assert refused == {
        "trace-0": f"an API key was refused: revoked: {key.split('_')[1]}",
        "trace-1": "an API key was refused: malformed",
        "trace-2": "an API key was refused: there is none, or more than one",
    }


def test_a_trace_id_cannot_break_a_line_and_is_cut(database: TestDatabase) -> None:
    with running_service(database_url=database.url("audit_app")) as service:
        service.http.get("/api/v1/audit/logs", headers={"X-Trace-ID": '"}' + "x" * 500})
        (line,) = [line for line in lines(service) if "refused" in line["message"]]
    assert line["trace_id"] == '"}' + "x" * 126


def test_what_goes_on_for_everybody_is_logged_under_nobodys_trace(database: TestDatabase) -> None:
    with running_service(database_url=database.url()) as service:
        headers = {"X-Tenant-ID": "acme", "X-Trace-ID": "mine"}
        assert service.http.post(EXECUTE, headers=headers, json={"input": {}}).status_code == 200
        database.go_down()
        service.http.post(EXECUTE, headers=headers, json={"input": {}})
        outage = eventually(lambda: [line for line in lines(service) if "is unavailable" in line["message"]])
        assert not [line for line in outage if "trace_id" in line]


def test_an_exception_is_where_it_happened_and_not_what_it_said() -> None:
    try:
        raise ValueError("jane")
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    line = json.loads(JsonLines().format(logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), caught)))
    assert "jane" not in json.dumps(line)
    assert line["exc_info"].startswith("ValueError at test_logs.py:")


def test_a_line_that_comes_too_often_is_dropped_counted_and_hides_no_other(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    database.execute("SELECT audit.revoke_api_key(p_id => %s)", key.split("_")[1])
    with running_service(database_url=database.url("audit_app")) as service:
        for _ in range(2 * MAX_LINES):
            assert service.http.post(EXECUTE, headers=bearer("rf_malformed"), json={"input": {}}).status_code == 401
        assert service.http.post(EXECUTE, headers=bearer(key), json={"input": {}}).status_code == 401
        messages = [line["message"] for line in lines(service)]
        metrics = service.http.get("/metrics").text
    assert messages.count("an API key was refused: malformed") == MAX_LINES
    assert f"an API key was refused: revoked: {key.split('_')[1]}" in messages
    assert f"ringfence_log_lines_dropped_total {MAX_LINES}.0" in metrics


def test_a_line_says_how_many_were_dropped_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("app.telemetry.log_limiter.time.monotonic", lambda: now)
    limiter = LogLimiter()
    records = [logging.makeLogRecord({"name": "ringfence", "msg": "again"}) for _ in range(MAX_LINES + 8)]
    assert sum(limiter.filter(record) for record in records[:-1]) == MAX_LINES
    now = WINDOW_SECONDS + 1
    assert limiter.filter(records[-1])
    assert vars(records[-1])["dropped_before"] == 7


def test_what_is_refused_before_the_application_is_counted_and_logged(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        port = service.http.base_url.port or 0
        (answer,) = answers_to(port, b"GET /api/v1/health HTTP/2.0\r\nHost: x\r\n\r\n")
        messages = [line["message"] for line in lines(service)]
        metrics = service.http.get("/metrics").text
    assert answer.status == 400
    assert "refused before the application: HTTP/1.1 is needed" in messages
    assert 'ringfence_refused_total{kind="bad-request"} 1.0' in metrics


def test_a_warning_at_start_is_json_too(tmp_path: Path) -> None:
    with running_service(audit_log_path=tmp_path / "audit.jsonl") as service:
        warnings = [line for line in lines(service) if line["level"] == "WARNING"]
    assert any("no DATABASE_URL" in line["message"] for line in warnings)
