"""The curl walk-through of `make verify`: its steps pass on every kind of service, and answer as the pages show."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.support import walkthrough
from tests.support.answers import without_what_differs
from tests.support.processes import running_service
from tests.support.sealing import vkey


@pytest.fixture(autouse=True)
def no_file_of_make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of a private server that happens to be there are not those of the test."""
    monkeypatch.setattr(walkthrough, "DEMO_FILE", tmp_path / "demo.env")


def test_every_curl_block_is_a_step() -> None:
    exports, steps = walkthrough.parse(walkthrough.sections())
    assert set(re.findall(r"export (\w+)=", exports)) == {"TRACE_ID"}
    assert {step.status for step in steps} == {200, 401, 403, 422}
    assert all('"$RINGFENCE_URL/' in step.command for step in steps)


def test_every_block_of_evidence_is_a_step() -> None:
    exports, steps = walkthrough.parse(walkthrough.sections(evidence=True))
    assert set(re.findall(r"export (\w+)=", exports)) == {"TRACE_ID", "RECORD_ID"}
    assert [step.status for step in steps if step.command.startswith(".venv")] == [0]
    assert {200, 201, 404} <= {step.status for step in steps}


@pytest.mark.usefixtures("api_keys", "signer")
def test_the_steps_of_evidence_pass_where_there_is_a_signer(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with service(DATABASE_URL=database.url("audit_app")) as url:
        monkeypatch.setenv("RINGFENCE_URL", url)
        status = walkthrough.main()
    printed = capsys.readouterr().out
    assert status == 0, printed
    _, steps = walkthrough.parse(walkthrough.sections(evidence=True))
    assert f"PASS  {len(steps)} steps" in printed
    assert "c2sp.org/tlog-proof@v1" in printed
    assert "does not prove" in printed.lower()


def test_the_steps_of_evidence_are_left_out_and_said_to_be_where_there_is_none(
    database: TestDatabase,
    api_keys: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert api_keys
    with service(DATABASE_URL=database.url("audit_app")) as url:
        monkeypatch.setenv("RINGFENCE_URL", url)
        assert walkthrough.main() == 0
    printed = capsys.readouterr().out
    assert "the steps of evidence are left out" in printed
    assert "tlog-proof" not in printed


@pytest.mark.usefixtures("api_keys", "signer")
def test_the_steps_of_evidence_fail_with_the_key_of_another_log(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACME_VKEY", vkey("acme"))
    with service(DATABASE_URL=database.url("audit_app")) as url:
        monkeypatch.setenv("RINGFENCE_URL", url)
        assert walkthrough.main() == 1
    assert re.search(r"FAIL  1 of \d+ steps: the export proves itself", capsys.readouterr().out)


def test_without_keys_every_step_but_the_keyless_names_its_tenant() -> None:
    _, steps = walkthrough.parse(walkthrough.sections())
    named = walkthrough.with_named_tenants(steps)
    assert {step.status for step in named} == {200, 400, 403, 422}
    assert not any("Authorization" in step.command or "API_KEY" in step.command for step in named)
    assert sum("X-Tenant-ID: acme" in s.command for s in named) == sum("$ACME_API_KEY" in s.command for s in steps) + 1


@pytest.mark.parametrize(
    "block",
    [
        "```sh\ncurl -sS $RINGFENCE_URL\n```\n",
        "```sh\n# no status\ncurl -sS $RINGFENCE_URL\n```\n",
        "```sh\n# a condition that is none: 200, count many\ncurl -sS $RINGFENCE_URL\n```\n",
        "```sh\n# two commands: 200\ncurl -sS $RINGFENCE_URL\nrm -r .\n```\n",
        "```sh\n. some/other/file\n```\n",
        "```json\n{}\n```\n",
    ],
)
def test_a_block_that_is_no_step_does_not_go_unnoticed(block: str) -> None:
    with pytest.raises(walkthrough.CannotVerify):
        walkthrough.parse(block)


@contextmanager
def service(**settings: str) -> Iterator[str]:
    """Run the service with these settings; yield its URL once it answers."""
    with running_service(**settings) as running:
        yield str(running.http.base_url).rstrip("/")


@pytest.mark.usefixtures("api_keys")
def test_the_curl_steps_pass_and_answer_as_shown(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exports, steps = walkthrough.parse(walkthrough.sections())
    walkthrough.ensure_curl()
    with service(DATABASE_URL=database.url("audit_app")) as url:
        monkeypatch.setenv("RINGFENCE_URL", url)
        environment = walkthrough.exported(exports)
        refusals = []
        for step in steps:
            answer = walkthrough.run(step, environment)
            assert walkthrough.unmet(step, answer) == [], step.title
            body = without_what_differs(json.loads(answer.body))
            if step.shown is not None:
                assert body == without_what_differs(step.shown), step.title
            if answer.status == 401:
                refusals.append((body, answer.challenge))
        assert refusals == [refusals[0]] * 2
        assert walkthrough.main() == 0  # a second time, on what the first has left
        assert f"PASS  {len(steps)} steps" in capsys.readouterr().out


def test_the_curl_steps_pass_where_a_gateway_names_the_tenant(
    database: TestDatabase, gateway: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with service(DATABASE_URL=database.url(gateway)) as url:
        monkeypatch.setenv("RINGFENCE_URL", url)
        assert walkthrough.main() == 0
    assert "The service takes the tenant from X-Tenant-ID" in capsys.readouterr().out


def test_the_curl_steps_pass_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service(AUDIT_LOG_PATH=str(tmp_path / "audit.jsonl")) as url:
        monkeypatch.setenv("RINGFENCE_URL", url)
        assert walkthrough.main() == 0


def test_the_curl_steps_say_so_when_there_are_no_keys(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(walkthrough, "DEMO_FILE", tmp_path / "demo.env")
    monkeypatch.setenv("ACME_API_KEY", "")
    monkeypatch.setenv("GLOBEX_API_KEY", "rf_")
    with service(DATABASE_URL=database.url("audit_app")) as url:
        monkeypatch.setenv("RINGFENCE_URL", url)
        assert walkthrough.main() == 1
    assert "the service wants API keys, and there is no ACME_API_KEY: " in capsys.readouterr().err


def test_the_environment_goes_before_the_file_of_make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "demo.env"
    file.write_text("RINGFENCE_URL=http://file\nACME_API_KEY=of-the-file\nGLOBEX_API_KEY=of-the-file\n")
    monkeypatch.setattr(walkthrough, "DEMO_FILE", file)
    monkeypatch.setenv("RINGFENCE_URL", "http://environment")
    monkeypatch.setenv("ACME_API_KEY", "")
    monkeypatch.delenv("GLOBEX_API_KEY", raising=False)
    found = walkthrough.exported('export TRACE_ID="for $RINGFENCE_URL"')
    names = ("RINGFENCE_URL", "ACME_API_KEY", "GLOBEX_API_KEY", "TRACE_ID")
    assert [found[name] for name in names] == [
        "http://environment", "of-the-file", "of-the-file", "for http://environment"
    ]  # fmt: skip


def test_the_curl_steps_fail_where_the_service_does_other_than_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with service(AUDIT_LOG_PATH=str(tmp_path / "audit.jsonl"), LIVE_ENABLED="true") as url:
        monkeypatch.setenv("RINGFENCE_URL", url)
        assert walkthrough.main() == 1
    assert "FAIL  1 of" in capsys.readouterr().out


def test_the_curl_steps_say_so_when_nothing_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as reserved:  # bound, and not listening
        reserved.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RINGFENCE_URL", f"http://127.0.0.1:{reserved.getsockname()[1]}")
        assert walkthrough.main() == 1
    assert "no service is listening at http://127.0.0.1:" in capsys.readouterr().err
