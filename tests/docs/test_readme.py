"""What the README says is so: its tables name what the code has, and its walk-throughs run and print what it shows."""

import fnmatch
import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.conftest import TestDatabase
from tests.support import walkthrough
from tests.support.processes import running_service

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def shown(default: object) -> str:
    """Return how the environment table shows a default."""
    if default is None or default == ():
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_environment_table_has_every_setting_with_its_default(name: str) -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", walkthrough.section(README, "Environment"), re.MULTILINE)
    assert dict(rows)[name.upper()] == shown(Settings.model_fields[name].default)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_example_file_has_every_setting(name: str) -> None:
    assert re.search(rf"^#{name.upper()}=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_the_tree_has_every_file_and_folder_of_the_top_level() -> None:
    tree = walkthrough.section(README, "Where things are")
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines())]
    paths = [
        path.name
        for path in ROOT.iterdir()
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored)
        and (path.is_file() or any(path.iterdir()))
    ]
    missing = [name for name in paths if not re.search(rf"(^|\s){re.escape(name)}(/\S*)?(\s|$)", tree, re.MULTILINE)]
    assert "db" in paths
    assert missing == []


def test_every_path_of_the_tree_exists() -> None:
    block = walkthrough.section(README, "Where things are").split("```")[1].removeprefix("text\n")
    folder = ROOT
    for line in block.splitlines():
        names = re.split(r" {2,}", line.strip())[0].replace(",", "").split()
        if line.startswith(" "):
            # "services/db.py agents.py": the folder of the first name is that of the others.
            beside = (folder / names[0]).parent
            missing = [name for name in names if not (folder / name).exists() and not (beside / name).exists()]
        else:
            missing = [name for name in names if not (ROOT / name).exists()]
            folder = ROOT / names[0] if line.endswith("/") else ROOT
        assert missing == []


def test_the_policy_page_stands_there_word_for_word() -> None:
    assert f"```sql\n{(ROOT / 'db/policies/audit_logs.sql').read_text()}```" in README


def test_every_sqlstate_of_ours_has_its_row() -> None:
    section = walkthrough.section(README, "HTTP interface")
    functions = "".join(file.read_text() for file in (ROOT / "db/functions").rglob("*.sql"))
    raised = set(re.findall(r"ERRCODE = '(RF\d{3})'", functions))
    assert raised == set(re.findall(r"^\| `(RF\d{3})` \|", section, re.MULTILINE))


def test_every_block_of_commands_can_be_pasted() -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert {language for language, _ in blocks} <= {"bash", "sh", "text", "json", "sql"}
    for language, text in blocks:
        assert not re.search(r"^[$#>] \$|^\$ ", text, re.MULTILINE), text
        if language in ("bash", "sh"):
            done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), text


def test_what_the_commands_leave_behind_is_ignored_by_git() -> None:
    for name in (
        "ringfence.dump",
        "base/PG_VERSION",
        "audit-logs.csv",
        "audit-logs_acme_2026-11-29T101112Z.ndjson",
        "rejects.jsonl",
    ):
        done = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT, check=False)
        assert done.returncode == 0, name


def test_every_link_leads_somewhere() -> None:
    headings = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", README, re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target[1:] in headings if target.startswith("#") else (ROOT / target.partition("#")[0]).exists(), target


def test_every_curl_block_is_a_step() -> None:
    exports, steps = walkthrough.parse(walkthrough.section(README, walkthrough.SECTION))
    assert set(re.findall(r"export (\w+)=", exports)) == {"TRACE_ID"}
    assert {step.status for step in steps} == {200, 401, 403, 422}
    assert all('"$RINGFENCE_URL/' in step.command for step in steps)


def test_without_keys_every_step_but_the_keyless_names_its_tenant() -> None:
    _, steps = walkthrough.parse(walkthrough.section(README, walkthrough.SECTION))
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


@pytest.fixture
def api_keys(database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Issue a key for each tenant of the walk-throughs; return them as environment variables, which they also are."""
    keys = {}
    for tenant in ("acme", "globex"):
        statement = "SELECT audit.issue_api_key(p_tenant_id => %s, p_label => 'test')"
        (keys[f"{tenant.upper()}_API_KEY"],) = database.administrator.execute(statement, [tenant]).fetchone() or ("",)
    for name, key in keys.items():
        monkeypatch.setenv(name, key)
    return keys


@pytest.fixture
def gateway(database: TestDatabase) -> Iterator[str]:
    """A login that names its tenant."""
    database.administrator.execute("CREATE ROLE gateway LOGIN IN ROLE audit_trusted")
    yield "gateway"
    database.administrator.execute("DROP ROLE gateway")


@contextmanager
def service(**settings: str) -> Iterator[str]:
    """Run the service with these settings; yield its URL once it answers."""
    with running_service(**settings) as running:
        yield str(running.http.base_url).rstrip("/")


def without_what_differs(answer: Any) -> Any:
    """Return `answer` with a placeholder for ids, times, measured latencies and the names that the demo gives."""
    if isinstance(answer, list):
        return [without_what_differs(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    return {
        name: "..."
        if name in ("id", "trace_id", "created_at", "api_key_id", "label", "name")
        or (name == "latency_ms" and isinstance(value, float))
        else without_what_differs(value)
        for name, value in answer.items()
    }


@pytest.mark.usefixtures("api_keys")
def test_the_curl_steps_pass_and_answer_as_shown(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exports, steps = walkthrough.parse(walkthrough.section(README, walkthrough.SECTION))
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


def test_the_export_runs_a_second_time(database: TestDatabase, api_keys: dict[str, str], tmp_path: Path) -> None:
    block = walkthrough.section(README, "Export").split("```bash\n")[1].split("```")[0]
    with service(DATABASE_URL=database.url("audit_app")) as url:
        for _ in range(2):
            done = subprocess.run(
                ["bash", "-ec", block], cwd=tmp_path, env={**os.environ, **api_keys, "RINGFENCE_URL": url},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout == "#complete,0,,,,,,,,,\n"


def run_verify_sql(database: TestDatabase, role: str = "audit_app", options: Sequence[str] = ()) -> tuple[int, str]:
    """Run db/verify.sql as `make verify-sql` does; return psql's exit status and all it printed."""
    done = subprocess.run(
        [
            Path(os.environ["POSTGRESQL_BINARIES"]) / "psql",
            "-X",
            "-q",
            *options,
            "-f",
            "db/verify.sql",
            database.url(role),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, "\n".join(line.rstrip() for line in done.stdout.splitlines())


@pytest.mark.usefixtures("api_keys")
def test_the_psql_steps_pass_and_print_what_is_shown(database: TestDatabase) -> None:
    expected = walkthrough.section(README, "Verify with psql").split("```text\n")[1].split("\n```")[0]
    assert run_verify_sql(database) == (0, expected)
    assert database.administrator.execute("SELECT count(*) FROM audit.audit_logs").fetchone() == (0,)


@pytest.mark.usefixtures("api_keys")
def test_the_psql_steps_fail_where_isolation_is_broken(database: TestDatabase) -> None:
    database.administrator.execute("ALTER TABLE audit.audit_logs DISABLE ROW LEVEL SECURITY")
    status, output = run_verify_sql(database)
    assert status == 3
    assert "FAIL  a record in the other tenant's name is refused" in output
    assert "FAIL  a record in the other tenant's name is refused (00000)" in output
    assert "FAIL  every rule is intact" in output
    assert database.administrator.execute("SELECT count(*) FROM audit.audit_logs").fetchone() == (0,)


def test_the_psql_steps_pass_for_a_role_that_names_its_tenant(database: TestDatabase, gateway: str) -> None:
    status, output = run_verify_sql(database, gateway)
    assert status == 0
    assert re.search(r"^PASS  \d+ steps as gateway$", output, re.MULTILINE)
    assert "PASS  a name that is not registered is refused (RF002)" in output
    assert database.administrator.execute("SELECT count(*) FROM audit.audit_logs").fetchone() == (0,)


def test_the_psql_steps_want_keys_of_two_tenants(
    database: TestDatabase, api_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("", "rf_", api_keys["GLOBEX_API_KEY"]):
        monkeypatch.setenv("ACME_API_KEY", value)
        status, output = run_verify_sql(database)
        assert status == 3
        assert "FAIL  audit_app needs API keys of two tenants in ACME_API_KEY and GLOBEX_API_KEY" in output


def test_the_psql_steps_put_no_key_into_the_servers_log(database: TestDatabase, api_keys: dict[str, str]) -> None:
    setting = "SELECT setting FROM pg_settings WHERE name = 'log_min_error_statement'"
    assert database.administrator.execute(setting).fetchone() == ("error",)  # the statements that are refused
    _, output = run_verify_sql(database, options=["-b"])  # psql prints those too
    assert "STATEMENT:  SELECT audit.enter_tenant" in output
    assert not any(key in output for key in api_keys.values())


def test_the_psql_steps_refuse_a_role_that_would_prove_nothing(database: TestDatabase) -> None:
    status, output = run_verify_sql(database, "postgres")
    assert status == 3
    assert output.startswith("FAIL  run this as audit_app, not as postgres")
