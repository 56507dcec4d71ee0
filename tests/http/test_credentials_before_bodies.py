"""Who holds no valid credential is told so before anything of the request is read but its head."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.model.credential import ApiKey, Credential, NamedTenant
from app.model.refusals import RingfenceError, TenantMismatch, TenantUnknown, Unauthenticated
from app.services.db import Database
from app.services.postgres.store import DatabaseAuditLogger
from bench.counting_proxy import CountingProxy, counting
from tests.conftest import Serve, TestDatabase
from tests.support.bulk_calls import LOGS, record
from tests.support.calls import assert_problem, bearer
from tests.support.processes import ServiceProcess, running_service

EXECUTE = "/api/v1/agents/kyc/execute"
MADE_UP = f"rf_{'0' * 16}_{'0' * 64}"
ROUTES = [(EXECUTE, "application/json"), (LOGS, "application/json"), (LOGS, "application/x-ndjson")]


@pytest.fixture
def service(database: TestDatabase) -> Iterator[ServiceProcess]:
    with running_service(database_url=database.url("audit_app"), max_bulk_requests=2) as service:
        yield service


def first_line(service: ServiceProcess, path: str, media_type: str, *headers: str) -> str:
    """Announce a body that never comes, and return the first line of the answer; 100 asks for the body."""
    url = service.http.base_url
    head = [
        f"POST {path} HTTP/1.1", f"Host: {url.host}:{url.port}", f"Content-Type: {media_type}",
        "Content-Length: 1000", "Expect: 100-continue", *headers, "", "",
    ]  # fmt: skip
    with socket.create_connection((url.host, url.port or 80), 10) as connection:
        connection.sendall("\r\n".join(head).encode())
        return connection.recv(65536).split(b"\r\n", 1)[0].decode()


@pytest.mark.parametrize(("path", "media_type"), ROUTES)
def test_a_key_is_checked_before_a_body_is_asked_for(
    service: ServiceProcess, database: TestDatabase, path: str, media_type: str
) -> None:
    revoked, expired = database.issue_api_key("acme"), database.issue_api_key("acme")
    database.execute("SELECT audit.revoke_api_key(p_id => %s)", revoked.split("_")[1])
    database.execute(
        "UPDATE audit.api_keys SET expires_at = now(), created_at = now() - interval '1 h' WHERE id = %s",
        expired.split("_")[1],
    )

    def answer(key: str, query: str = "") -> str:
        return first_line(service, path + query, media_type, f"Authorization: Bearer {key}")

    assert answer(database.issue_api_key("acme")) == "HTTP/1.1 100 Continue"
    assert answer(database.issue_api_key("acme", "write")) == "HTTP/1.1 100 Continue"
    for key in (MADE_UP, revoked, expired, "x"):
        assert answer(key) == "HTTP/1.1 401 Unauthorized"
        assert answer(key, "?unknown=1&%ff=1") == "HTTP/1.1 401 Unauthorized"
    assert answer(database.issue_api_key("acme", "read")) == "HTTP/1.1 403 Forbidden"
    for tenant, expected in (("globex", "HTTP/1.1 403 Forbidden"), ("acme", "HTTP/1.1 100 Continue")):
        assert answer(database.issue_api_key("acme"), f"?tenant_id={tenant}") == expected
        key = database.issue_api_key("acme")
        named = (f"Authorization: Bearer {key}", f"X-Tenant-ID: {tenant}")
        assert first_line(service, path, media_type, *named) == expected


@pytest.mark.parametrize(("path", "media_type"), ROUTES)
def test_a_tenant_that_is_named_is_looked_for_before_a_body_is_asked_for(
    database: TestDatabase, path: str, media_type: str
) -> None:
    with running_service(database_url=database.url("audit_gateway")) as service:
        for tenant, expected in (("nobody", "HTTP/1.1 403 Forbidden"), ("acme", "HTTP/1.1 100 Continue")):
            assert first_line(service, path, media_type, f"X-Tenant-ID: {tenant}") == expected
            assert first_line(service, f"{path}?tenant_id={tenant}", media_type) == expected


def test_a_key_for_import_may_send_records_but_not_execute(service: ServiceProcess, database: TestDatabase) -> None:
    key = f"Authorization: Bearer {database.issue_api_key('acme', 'import')}"
    assert first_line(service, LOGS, "application/x-ndjson", key) == "HTTP/1.1 100 Continue"
    assert first_line(service, EXECUTE, "application/json", key) == "HTTP/1.1 403 Forbidden"


def test_whoever_may_not_read_or_write_takes_no_place_from_those_who_may(
    service: ServiceProcess, database: TestDatabase
) -> None:
    reading, writing = database.issue_api_key("acme", "read"), database.issue_api_key("acme", "write")
    for _ in range(10):
        headers = bearer(reading) | {"Content-Type": "application/x-ndjson"}
        assert_problem(service.http.post(LOGS, headers=headers, content=b"{}\n"), 403, "scope-missing")
        for path in (LOGS, f"{LOGS}/export", "/api/v1/audit/admin-events"):
            assert_problem(service.http.get(path, headers=bearer(writing)), 403, "scope-missing")
    assert service.http.post(LOGS, headers=bearer(writing), json=[record()]).status_code == 201
    assert service.http.get(LOGS, headers=bearer(reading)).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"input": 1}', b"[" * 1000])
def test_what_is_wrong_with_query_or_body_is_told_to_holders_of_a_key_alone(
    serve: Serve, database: TestDatabase, body: bytes
) -> None:
    client: TestClient = serve(database_url=database.url("audit_app"))
    for path in (EXECUTE, LOGS):
        for query in ("", "?unknown=1", "?tenant_id=%ff", "?a=1&a=2"):

            def send(key: str, path: str = path, query: str = query) -> Any:
                headers = bearer(key) | {"Content-Type": "application/json"}
                return client.post(path + query, headers=headers, content=body)

            assert_problem(send(MADE_UP), 401, "unauthenticated")
            assert send(database.issue_api_key("acme")).status_code in (403, 422)


# What the memory of a worker saves, and what it does not decide.


@pytest.fixture
def proxy(database: TestDatabase) -> Iterator[CountingProxy]:
    info = database.administrator.info
    with counting(Path(info.host) / f".s.PGSQL.{info.port}") as proxy:
        yield proxy


def through(
    proxy: CountingProxy, database: TestDatabase, role: str, test: Callable[[DatabaseAuditLogger], Awaitable[Any]]
) -> Any:
    """Run `test` with an open store whose connection is counted, and has been used."""
    url = f"postgresql://{role}@127.0.0.1:{proxy.port}/{database.administrator.info.dbname}?sslmode=disable"

    async def run() -> Any:
        logger = DatabaseAuditLogger(Database(f"{url}&gssencmode=disable", pool_size=1, pool_timeout=5))
        await logger.open()
        try:
            first: Credential = (
                ApiKey(database.issue_api_key("acme"), None) if role == "audit_app" else NamedTenant("globex")
            )
            await logger.identify(first, "here")
            return await test(logger)
        finally:
            await logger.close()

    return asyncio.run(run())


@pytest.mark.parametrize("role", ["audit_app", "audit_gateway"])
def test_concurrent_requests_of_one_credential_share_one_check(
    database: TestDatabase, proxy: CountingProxy, role: str
) -> None:
    credential = ApiKey(database.issue_api_key("acme"), None) if role == "audit_app" else NamedTenant("acme")

    async def test(logger: DatabaseAuditLogger) -> int:
        before = proxy.round_trips
        callers = await asyncio.gather(*(logger.identify(credential, "here") for _ in range(50)))
        assert {caller.tenant_id for caller in callers} == {"acme"}
        await logger.identify(credential, "here")
        return proxy.round_trips - before

    assert through(proxy, database, role, test) == 1


def test_a_refused_key_is_refused_again_without_a_question_and_a_refused_name_is_asked_again(
    database: TestDatabase, proxy: CountingProxy
) -> None:
    async def keyed(logger: DatabaseAuditLogger) -> list[int]:
        counts = [proxy.round_trips]
        for _ in range(5):
            with pytest.raises(Unauthenticated) as refused:
                await logger.identify(ApiKey(MADE_UP, None), "here")
            assert refused.value.reason == "unknown"
            counts.append(proxy.round_trips)
        return counts

    before, *after = through(proxy, database, "audit_app", keyed)
    assert before < after[0]
    assert len(set(after)) == 1

    async def named(logger: DatabaseAuditLogger) -> None:
        with pytest.raises(TenantUnknown):
            await logger.identify(NamedTenant("late"), "here")
        database.create_tenant("late")
        assert (await logger.identify(NamedTenant("late"), "here")).tenant_id == "late"

    through(proxy, database, "audit_gateway", named)


def test_made_up_keys_of_one_address_delay_no_key_of_another(database: TestDatabase, proxy: CountingProxy) -> None:
    key = ApiKey(database.issue_api_key("acme"), None)

    async def test(logger: DatabaseAuditLogger) -> int:
        done: list[str] = []

        async def look(credential: ApiKey, source: str) -> None:
            try:
                await logger.identify(credential, source)
            except RingfenceError:
                done.append("refused")
            else:
                done.append("accepted")

        flood = [look(ApiKey(f"rf_{'0' * 16}_{number:064x}", None), "elsewhere") for number in range(400)]
        await asyncio.gather(*flood, look(key, "here"))
        # Some of the flood were refused without a check when their queue was full; those do not count as being before.
        checked = done[sum(1 for _ in range(400 - 256 - 2)) :]
        return checked.index("accepted")

    assert through(proxy, database, "audit_app", test) < 10


def test_what_a_key_opens_beside_another_name_is_not_remembered_for_that_name(
    database: TestDatabase, proxy: CountingProxy
) -> None:
    secret = database.issue_api_key("acme")

    async def test(logger: DatabaseAuditLogger) -> None:
        for _ in range(2):
            with pytest.raises(TenantMismatch):
                await logger.identify(ApiKey(secret, "globex"), "here")
            assert (await logger.identify(ApiKey(secret, "acme"), "here")).tenant_id == "acme"
            assert (await logger.identify(ApiKey(secret, None), "here")).tenant_id == "acme"

    through(proxy, database, "audit_app", test)


def test_a_key_that_is_revoked_opens_nothing_from_then_on_whatever_is_remembered(
    serve: Serve, database: TestDatabase
) -> None:
    client: TestClient = serve(database_url=database.url("audit_app"))
    key = database.issue_api_key("acme")

    def statuses() -> list[int]:
        return [
            client.post(EXECUTE, headers=bearer(key), json={"input": {}}).status_code,
            client.get(LOGS, headers=bearer(key)).status_code,
            client.post(LOGS, headers=bearer(key), json=[record()]).status_code,
        ]

    assert statuses() == [200, 200, 201]
    database.execute("SELECT audit.revoke_api_key(p_id => %s)", key.split("_")[1])
    assert statuses() == [401, 401, 401]
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(2,)]
