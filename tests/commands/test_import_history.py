"""python -m app.import_jsonl: what old files hold comes into the database, once, or is named, with the reason."""

import json
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.import_jsonl.ids import HistoryIds
from app.import_jsonl.lines import NotTaken, read_line
from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import record, send_json
from tests.support.calls import execute
from tests.support.importing import RECORD, Importing, write
from tests.support.polling import eventually
from tests.support.processes import ROOT


@pytest.fixture
def importing(database: TestDatabase, tmp_path: Path) -> Importing:
    return Importing(database, tmp_path / "old.jsonl")


def test_without_apply_it_says_what_it_would_do_and_stores_nothing(importing: Importing) -> None:
    write(importing.file, RECORD, RECORD | {"tenant_id": "nobody"})
    report = importing.report(status=1)
    assert (report["applied"], report["taken"]) == (False, {"acme": 1})
    assert report["reasons"] == [
        {
            "place": f"{importing.file}:2",
            "reason": "tenant_id: the tenant is not registered (--create-tenants registers it)",
        }
    ]
    assert importing.stored() == []
    assert importing.keys_left() == 0


def test_the_fallbacks_own_file_comes_in_as_it_is(importing: Importing, serve_file: Serve) -> None:
    client = serve_file(audit_log_path=importing.file)
    ids = [execute(client, "acme", user_id="jürgen").json()["id"] for _ in range(3)]
    report = importing.report("--apply")
    assert report["taken"] == {"acme": 3}
    assert not report["repaired"]
    assert [str(row[0]) for row in importing.stored()] == ids
    assert importing.stored()[0][8] == "jürgen"


def test_a_context_comes_in_and_one_that_no_record_may_carry_is_named(importing: Importing, serve_file: Serve) -> None:
    context = {"resource": "é 😀", "event": 1.5, "origin": True}
    client = serve_file(audit_log_path=importing.file)
    assert send_json(client, record(context=context)).status_code == 201
    taken = [json.loads(line) for line in importing.file.read_text().splitlines()]
    write(
        importing.file,
        *taken,
        RECORD | {"context": context},
        RECORD | {"context": None},
        RECORD | {"context": {"prompt": "canary"}},
        RECORD | {"context": {"event": ["a"]}},
        RECORD | {"context": "canary"},
        json.dumps(RECORD).encode()[:-1] + b', "context": {"event": 1, "event": 2}}\n',
        RECORD | {"recorded_at": RECORD["created_at"], "api_key_id": "0" * 16},
    )
    report = importing.report("--apply", status=1)
    assert [each["reason"] for each in report["reasons"]] == [
        "context.prompt: Extra inputs are not permitted",
        "context.event: a text, a number, true or false is needed",
        "context: no JSON object",
        "context.event: stands twice",
    ]
    texts = importing.database.execute("SELECT context::text FROM audit.audit_logs ORDER BY created_at DESC")
    expected = '{"resource":"é 😀","event":1.5,"origin":true}'
    assert sorted(text or "" for (text,) in texts) == ["", "", expected, expected]
    assert set(report["unknown_fields"]) == {"recorded_at", "api_key_id"}


def test_again_and_again_it_stores_nothing_twice(importing: Importing) -> None:
    write(importing.file, RECORD, RECORD, RECORD | {"id": "01900000-0000-7000-8000-000000000001"})
    for _ in range(3):
        assert importing.report("--apply")["taken"] == {"acme": 3}
    assert len(importing.stored()) == 3  # two lines without an id are two records, the same two each time
    assert importing.keys_left() == 0


def test_another_record_under_the_same_id_is_not_taken(importing: Importing) -> None:
    known = RECORD | {"id": "01900000-0000-7000-8000-000000000001"}
    write(importing.file, known, known, known | {"status": "error"}, RECORD)
    report = importing.report("--apply", status=1)
    assert report["taken"] == {"acme": 3}
    assert report["reasons"] == [{"place": f"{importing.file}:3", "reason": "id: the id belongs to another record"}]
    assert len(importing.stored()) == 2


def test_a_dirty_file_is_taken_as_far_as_it_goes_and_every_line_is_accounted_for(
    importing: Importing, tmp_path: Path
) -> None:
    good = [
        {"created_at": "2026-01-02 03:04:05+02", "agent_id": "a", "tenant_id": "acme"},
        RECORD | {"output": {"x": 1}, "input": "secret"},
        RECORD | {"user_id": "", "created_at": 1767323045},
        RECORD | {"created_at": "20260102T030405,1234567Z"},
    ]
    bad: list[Any] = [
        *(b'{"tenant_id": "acme", "agent_id"\n', b"\xff\xfe\n", b"[]\n"),
        *({**RECORD, "tenant_id": "Acme"}, {**RECORD, "agent_id": 7}, {**RECORD, "agent_id": None}),
        *({**RECORD, "created_at": each} for each in (None, "2026-01-02T03:04:05", "yesterday")),
        *(RECORD | {"mode": "TEST"}, RECORD | {"http_status": 99}, RECORD | {"latency_ms": 1.5}),
        *(RECORD | {"user_id": "a\0"}, RECORD | {"id": "7"}),
        *(b'{"tenant_id": "acme", "tenant_id": "globex"}\n', b'{"torn": '),
    ]
    write(importing.file, *good, b"\n", b"  \r\n", *bad)
    rejects = tmp_path / "rejects.jsonl"
    report = importing.report("--apply", "--rejects", str(rejects), status=1)
    assert report["taken"] == {"acme": len(good)}
    assert (report["blank"], report["not_taken"]) == (2, len(bad))
    assert report["lines"] == len(good) + 2 + len(bad)
    assert [each["place"] for each in report["reasons"]] == [f"{importing.file}:{7 + at}" for at in range(len(bad))]
    assert report["unknown_fields"] == {"output": 1, "input": 1}
    assert len(rejects.read_bytes().splitlines()) == len(bad)
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert "secret" not in json.dumps(report)
    assert len(importing.stored()) == len(good)
    assert importing.stored()[0][4:6] == (None, None)


def test_a_zone_is_assumed_only_when_one_is_named(importing: Importing) -> None:
    write(importing.file, RECORD | {"created_at": "2026-01-02T03:04"})
    assert importing.report("--apply", status=1)["not_taken"] == 1
    assert importing.report("--apply", "--assume-zone", "Europe/Berlin")["taken"] == {"acme": 1}
    ((created_at,),) = importing.database.execute(
        "SELECT created_at::timestamptz AT TIME ZONE 'UTC' FROM audit.audit_logs"
    )
    assert created_at.isoformat() == "2026-01-02T02:04:00"


def test_tenants_are_registered_when_that_is_said(importing: Importing) -> None:
    write(importing.file, RECORD | {"tenant_id": "initech"})
    assert importing.report("--create-tenants")["tenants_created"] == ["initech"]
    assert importing.stored() == []
    assert importing.report("--apply", "--create-tenants")["taken"] == {"initech": 1}
    assert importing.stored()[0][2] == "initech"


def test_a_gateways_role_imports_nothing(database: TestDatabase, tmp_path: Path) -> None:
    importing = Importing(database, tmp_path / "old.jsonl", role="audit_gateway")
    write(importing.file, RECORD)
    ended = importing.run("--apply")
    assert ended.returncode == 2
    assert "audit_keyed" in ended.stderr
    assert importing.stored() == []


def test_no_key_is_shown_or_left_behind(importing: Importing) -> None:
    write(importing.file, RECORD)
    ended = importing.run("--apply")
    assert "rf_" not in ended.stdout + ended.stderr
    assert importing.keys_left() == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_ended_in_the_middle_it_goes_on_and_stores_each_once(importing: Importing, how: signal.Signals) -> None:
    lines = [RECORD | {"trace_id": str(number)} for number in range(30_000)]
    write(importing.file, *lines)
    process = subprocess.Popen(
        importing.command("--apply"),
        cwd=ROOT,
        env=importing.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: importing.database.execute("SELECT count(*) FROM audit.audit_logs")[0][0] > 2000)
    process.send_signal(how)
    assert process.wait() == (-9 if how is signal.SIGKILL else 2)
    assert len(importing.stored()) < len(lines)
    if how is signal.SIGTERM:
        assert importing.keys_left() == 0

    assert importing.report("--apply")["taken"] == {"acme": len(lines)}

    assert sorted(int(row[1]) for row in importing.stored()) == list(range(len(lines)))


def test_sessions_that_are_ended_meanwhile_cost_nothing(importing: Importing) -> None:
    write(importing.file, *[RECORD | {"trace_id": str(number)} for number in range(30_000)])
    process = subprocess.Popen(
        importing.command("--apply"), cwd=ROOT, env=importing.environment, stdout=subprocess.DEVNULL
    )
    for more in (1, 8000, 16000):
        eventually(lambda more=more: importing.database.execute("SELECT count(*) FROM audit.audit_logs")[0][0] >= more)  # type: ignore[misc]
        importing.database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = 'audit_app'"
        )
    assert process.wait() == 0
    assert len(importing.stored()) == 30_000


def test_many_refused_records_of_one_chunk_are_all_named(importing: Importing) -> None:
    ids = [f"01900000-0000-7000-8000-{number:012}" for number in range(600)]
    write(importing.file, *[RECORD | {"id": each} for each in ids[::2]])
    importing.report("--apply")
    write(importing.file, *[RECORD | {"id": each, "status": "error"} for each in ids])
    report = importing.report("--apply", status=1)
    assert (report["taken"], report["not_taken"]) == ({"acme": 300}, 300)
    assert len(importing.stored()) == 600


TIMES = {
    "2026-01-02T03:04:05Z": "2026-01-02T03:04:05.000000Z",
    "2026-01-02t03:04:05.5z": "2026-01-02T03:04:05.500000Z",
    "2026-01-02 03:04:05 UTC": "2026-01-02T03:04:05.000000Z",
    "2026-01-02T03:04+02:00": "2026-01-02T01:04:00.000000Z",
    "2026-01-02T03:04:05-0330": "2026-01-02T06:34:05.000000Z",
    "20260102T030405Z": "2026-01-02T03:04:05.000000Z",
    "2026-01-02T03:04:05,123456789Z": "2026-01-02T03:04:05.123456Z",
    1767323045: "2026-01-02T03:04:05.000000Z",
    1767323045123: "2026-01-02T03:04:05.123000Z",
    1767323045.25: "2026-01-02T03:04:05.250000Z",
}


@pytest.mark.parametrize(("written", "meant"), TIMES.items())
def test_times_are_read_in_many_forms(written: object, meant: str) -> None:
    line = read_line(json.dumps(RECORD | {"created_at": written}).encode(), None)
    assert line is not None
    assert line.record["created_at"] == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "2026-13-01T00:00:00Z",
        "2026-01-02",
        "03:04",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:60Z",
        True,
        -1,
        1e300,
        [],
    ],
)
def test_what_is_no_time_is_not_taken(written: object) -> None:
    with pytest.raises(NotTaken, match="created_at"):
        read_line(json.dumps(RECORD | {"created_at": written}).encode(), None)


@settings(max_examples=300)
@given(
    st.binary(max_size=200)
    | st.dictionaries(
        st.sampled_from([*RECORD, "id", "error", "x"]), st.text() | st.integers() | st.none() | st.floats()
    ).map(lambda record: json.dumps(record).encode())
)
def test_whatever_a_line_holds_it_is_a_record_blank_or_refused(text: bytes) -> None:
    try:
        line = read_line(text, None)
    except NotTaken as refusal:
        assert str(refusal)
    else:
        assert line is None if not text.strip() else line is not None


def test_ids_are_the_same_again_and_in_the_order_of_time() -> None:
    records = [RECORD | {"created_at": f"2026-01-02T03:04:{second:02}.000000Z"} for second in (1, 1, 2, 3)]
    first, second = HistoryIds(), HistoryIds()
    ids = [first.id_of("acme", record) for record in records]
    assert ids == [second.id_of("acme", record) for record in records]
    assert len(set(ids)) == 4
    assert ids[2:] == sorted(ids[2:])
    assert max(ids[:2]) < ids[2]
    assert HistoryIds().id_of("globex", records[0]) != ids[0]


def test_ids_are_those_of_earlier_releases() -> None:
    # A file that an earlier release has imported is imported again: no record may get another id.
    ids = HistoryIds()
    made = []
    for written in (RECORD, RECORD, {"created_at": "2026-01-02 03:04:05+02", "agent_id": "a", "tenant_id": "acme"}):
        line = read_line(json.dumps(written).encode(), None)
        assert line is not None
        made.append(ids.id_of(line.tenant, line.record))
    assert made == [
        "019b7ca9-8d03-8bdb-9282-6a13d09fec2f",
        "019b7ca9-8d03-8dd0-a230-262eba52fa94",
        "019b7c3b-af88-849d-ad62-9741bf00f486",
    ]
