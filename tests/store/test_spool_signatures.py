"""What a spooled line is signed with: a key derived for that alone, of API keys old and new; and by older workers."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Json

from app import migrate
from app.model.credential import ApiKey, SpoolKeySource
from app.services.spool.lines import for_replay, spool_line
from tests.conftest import TestDatabase
from tests.support.releases import release_as_of

NOT_SENT = "RF005"
LAST_WITHOUT_SPOOL_KEYS = 8
OLD_KEY = f"rf_{'a' * 16}_{'b' * 64}"


def record(key: str) -> dict[str, str]:
    return {
        "id": str(uuid.uuid4()), "tenant_id": "acme", "agent_id": "agent", "mode": "LIVE", "status": "error",
        "created_at": datetime.now(UTC).isoformat(), "api_key_id": key.split("_")[1],
    }  # fmt: skip


def signed_by_the_release_before(key: str) -> dict[str, str]:
    """Return a line as that release's spool_lines.py has signed it: under the hash that the database compares."""
    line = json.dumps(record(key))
    hash_of_secret = hashlib.sha256(key.split("_")[2].encode()).digest()
    return {"line": line, "hmac": hmac.digest(hash_of_secret, line.encode(), "sha256").hex()}


def signed(key: str, source: SpoolKeySource) -> dict[str, str]:
    element = for_replay(spool_line(ApiKey(key, None), source, record(key)))
    assert element is not None
    return element


def forged(element: dict[str, str]) -> dict[str, str]:
    return {**element, "line": element["line"].replace('"error"', '"success"')}


def outcomes(url: str, *elements: dict[str, str]) -> list[str | None]:
    with psycopg.connect(url) as connection:
        answer: Any = connection.execute("SELECT audit.replay_audit_logs(%s)", [Json(list(elements))]).fetchone()
        return [outcome and outcome["sqlstate"] for outcome in answer[0]]


def source_of(url: str, key: str) -> str:
    with psycopg.connect(url) as connection:
        answer: Any = connection.execute("SELECT audit.describe_api_key(%s)", [key]).fetchone()
        return str(answer[0]["spool_key_source"])


def test_a_line_is_taken_under_the_key_that_is_derived_from_the_secret(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    url = database.url("audit_app")
    assert source_of(url, key) == "secret"
    genuine = signed(key, "secret")
    assert outcomes(url, genuine, forged(signed(key, "secret")), signed(key, "hash")) == [None, NOT_SENT, NOT_SENT]


def test_a_line_of_a_worker_of_the_release_before_is_taken(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    element = signed_by_the_release_before(key)
    assert outcomes(database.url("audit_app"), element, forged(signed_by_the_release_before(key))) == [None, NOT_SENT]


def test_the_hash_that_the_database_compares_is_no_key_of_a_new_line(database: TestDatabase) -> None:
    key = database.issue_api_key("acme")
    ((hash_of_secret, inner),) = database.execute(
        "SELECT secret_sha256, spool_inner_key FROM audit.api_keys WHERE id = %s", key.split("_")[1]
    )
    element = signed(key, "secret")
    assert element["hmac"] != hmac.digest(hash_of_secret, element["line"].encode(), "sha256").hex()
    assert bytes(hash_of_secret) not in (bytes(inner[:32]), bytes(byte ^ 0x36 for byte in inner[:32]))


@pytest.fixture
def migrated_with_a_key(create_database: Callable[[], str], tmp_path: Path) -> str:
    """A database of the last release without spool keys, with OLD_KEY in it, brought to this one."""
    url = create_database()
    migrate.apply(url, release_as_of(tmp_path, LAST_WITHOUT_SPOOL_KEYS, scratch=create_database()))
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO audit.tenants (id, created_at) VALUES ('acme', now())")
        connection.execute(
            "INSERT INTO audit.api_keys (id, tenant_id, label, scopes, secret_sha256, created_at)"
            " VALUES (%s, 'acme', 'old', '{write}', %s, now())",
            [OLD_KEY.split("_")[1], hashlib.sha256(OLD_KEY.split("_")[2].encode()).digest()],
        )
        connection.execute("INSERT INTO audit.api_key_uses (api_key_id) VALUES (%s)", [OLD_KEY.split("_")[1]])
    migrate.apply(url)
    return url


def test_a_key_from_before_signs_with_what_the_migration_derives_from_its_hash(migrated_with_a_key: str) -> None:
    url = migrated_with_a_key.replace("//postgres@", "//audit_app@")
    assert source_of(url, OLD_KEY) == "hash"
    assert outcomes(
        url,
        signed(OLD_KEY, "hash"),
        signed_by_the_release_before(OLD_KEY),
        forged(signed(OLD_KEY, "hash")),
        forged(signed_by_the_release_before(OLD_KEY)),
        signed(OLD_KEY, "secret"),
    ) == [None, None, NOT_SENT, NOT_SENT, NOT_SENT]
