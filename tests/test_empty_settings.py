"""A variable that is set to nothing is refused by its name: it was not filled in, and is no wish for the default."""

import os
import subprocess
import sys

import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.processes import ROOT, refused_service, running_service

MAY_BE_EMPTY = {"allowed_origins"}  # of a list, nothing is a value: no origin


@pytest.mark.parametrize("name", sorted(Settings.model_fields.keys() - MAY_BE_EMPTY))
def test_no_setting_takes_nothing_for_its_default(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in Settings.model_fields:
        monkeypatch.delenv(other.upper(), raising=False)
    assert getattr(Settings(), name) == Settings.model_fields[name].default

    monkeypatch.setenv(name.upper(), "")

    with pytest.raises(ValidationError) as refusal:
        Settings()
    assert [error["loc"] for error in refusal.value.errors()] == [(name,)]


def test_no_origin_is_a_list_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "")

    assert Settings().allowed_origins == ()


@pytest.mark.parametrize("name", ["database_url", "metrics_token"])
def test_the_service_does_not_start_with_a_secret_that_was_not_filled_in(name: str, tmp_path: object) -> None:
    ended = refused_service(**{"audit_log_path": f"{tmp_path}/audit.jsonl", name: ""})

    assert ended.returncode == 3
    assert f"{name.upper()}: " in ended.stdout + ended.stderr
    assert "is empty" in ended.stdout + ended.stderr
    with running_service(audit_log_path=f"{tmp_path}/audit.jsonl") as service:
        assert service.http.get("/api/v1/health").status_code == 200


def test_an_empty_password_is_none_for_the_service_to_get() -> None:
    def migrated(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.migrate", "apply"],
            env={"PATH": os.environ["PATH"], "MIGRATION_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"} | environment,
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    refused = migrated(AUDIT_APP_PASSWORD="")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "AUDIT_APP_PASSWORD is empty: give it a value, or leave it out\n"
    assert "AUDIT_APP_PASSWORD" not in migrated(AUDIT_APP_PASSWORD="passw0rd").stderr  # gets as far as the server
