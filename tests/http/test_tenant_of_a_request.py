"""Which tenant a request belongs to: the header, the query or the body says so, and all that do must agree."""

import json

import pytest
from fastapi.testclient import TestClient

from tests.conftest import Serve, TestDatabase
from tests.support.calls import assert_problem, execute, records

# Where a tenant is named and believed. Where it is proven, tests/http/test_api_keys.py says what naming it does.
believed = pytest.mark.parametrize("store", ["header", "jsonl"], indirect=True, scope="session")

EXECUTE = "/api/v1/agents/a/execute"
LOGS = "/api/v1/audit/logs"


@believed
def test_the_header_names_it(client: TestClient) -> None:
    answer = client.post(EXECUTE, headers={"X-Tenant-ID": "acme"}, json={"input": {}})

    assert answer.json()["tenant_id"] == "acme"
    assert len(client.get(LOGS, headers={"X-Tenant-ID": "acme"}).json()["items"]) == 1


@believed
def test_the_query_names_it(client: TestClient) -> None:
    assert client.post(f"{EXECUTE}?tenant_id=acme", json={"input": {}}).json()["tenant_id"] == "acme"
    assert len(client.get(f"{LOGS}?tenant_id=acme").json()["items"]) == 1


@believed
def test_the_body_names_it(client: TestClient) -> None:
    assert client.post(EXECUTE, json={"input": {}, "tenant_id": "acme"}).json()["tenant_id"] == "acme"


@believed
def test_all_three_may_name_the_same(client: TestClient) -> None:
    answer = client.post(
        f"{EXECUTE}?tenant_id=acme", headers={"X-Tenant-ID": "acme"}, json={"input": {}, "tenant_id": "acme"}
    )

    assert answer.json()["tenant_id"] == "acme"


@pytest.mark.parametrize(
    ("query", "headers", "body"),
    [
        ({"tenant_id": "acme"}, [("X-Tenant-ID", "globex")], {}),
        ({}, [("X-Tenant-ID", "globex")], {"tenant_id": "acme"}),
        ({"tenant_id": "globex"}, [], {"tenant_id": "acme"}),
        ({}, [("X-Tenant-ID", "acme"), ("X-Tenant-ID", "globex")], {}),
        ({"tenant_id": ""}, [("X-Tenant-ID", "acme")], {}),
        ({}, [("X-Tenant-ID", "acme"), ("X-Tenant-ID", "")], {}),
    ],
)
@believed
def test_two_that_disagree_are_refused_and_nothing_is_recorded(
    client: TestClient, query: dict[str, str], headers: list[tuple[str, str]], body: dict[str, str]
) -> None:
    answer = client.post(EXECUTE, params=query, headers=headers, json={"input": {}, **body})

    assert_problem(answer, 403, "tenant-mismatch")
    assert records(client, "acme") == records(client, "globex") == []


@believed
def test_a_list_with_two_that_disagree_is_refused(client: TestClient) -> None:
    execute(client, "acme")

    assert_problem(client.get(f"{LOGS}?tenant_id=acme", headers={"X-Tenant-ID": "globex"}), 403, "tenant-mismatch")


@pytest.mark.parametrize("headers", [{}, {"X-Tenant-ID": ""}])
@believed
def test_none_or_an_empty_one_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert_problem(client.get(LOGS, headers=headers), 400, "tenant-missing")
    assert_problem(client.post(EXECUTE, headers=headers, json={"input": {}}), 400, "tenant-missing")


NOT_TENANTS = ["Acme", "ACME", "a.b", "-acme", "_", "a" * 64, "*", "%", "acme' OR '1'='1", "acme;globex", "\u0430cme"]


@pytest.mark.parametrize("tenant", NOT_TENANTS)
@believed
def test_one_that_is_none_is_refused_and_not_repeated(client: TestClient, tenant: str) -> None:
    for answer in (
        client.get(LOGS, params={"tenant_id": tenant}),
        client.post(EXECUTE, params={"tenant_id": tenant}, json={"input": {}}),
        client.post(EXECUTE, json={"input": {}, "tenant_id": tenant}),
    ):
        assert_problem(answer, 403, "tenant-unknown")
        if len(tenant) > 4:
            assert tenant not in answer.text


@pytest.mark.parametrize("tenant", ["acme ", " acme", "acme\t", "acme\n"])
@believed
def test_white_space_makes_it_another(client: TestClient, tenant: str) -> None:
    execute(client, "acme")

    assert_problem(client.get(LOGS, params={"tenant_id": tenant}), 403, "tenant-unknown")


@pytest.mark.parametrize("tenant", ["acme\0", "\0", "\ud800", "acme\udfff"])
@believed
def test_nul_and_lone_surrogates_are_the_callers_error(client: TestClient, tenant: str) -> None:
    answer = execute(client, "acme", tenant_id=tenant)
    assert_problem(answer, 422, "invalid-request", "tenant_id")

    body = json.dumps({"input": {}, "tenant_id": tenant})
    answer = client.post(EXECUTE, content=body, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422, "invalid-request", "tenant_id")


def test_one_that_is_not_registered_is_refused_until_it_is(serve: Serve, database: TestDatabase) -> None:
    client = serve()
    assert_problem(execute(client, "initech"), 403, "tenant-unknown")
    assert_problem(client.get(LOGS, headers={"X-Tenant-ID": "initech"}), 403, "tenant-unknown")

    database.create_tenant("initech")

    assert execute(client, "initech").json()["tenant_id"] == "initech"
    assert len(records(client, "initech")) == 1


@believed
def test_each_reads_its_own_records_and_no_others(client: TestClient) -> None:
    of_acme = [execute(client, "acme").json()["id"] for _ in range(3)]
    of_globex = [execute(client, "globex").json()["id"] for _ in range(2)]

    assert [record["id"] for record in records(client, "acme")] == of_acme
    assert [record["id"] for record in records(client, "globex")] == of_globex


@pytest.mark.parametrize("name", ["agent_id", "trace_id", "user_id"])
@believed
def test_no_filter_reaches_into_another(client: TestClient, name: str) -> None:
    answer = execute(client, "acme", agent="shared", user_id="u-1").json()
    values = {"agent_id": "shared", "trace_id": answer["trace_id"], "user_id": "u-1"}

    assert len(records(client, "acme", **{name: values[name]})) == 1
    assert records(client, "globex", **{name: values[name]}) == []
