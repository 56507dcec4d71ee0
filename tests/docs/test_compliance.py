"""The compliance map: each line has one answer, every query finds something to show, and every test exists."""

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support import pages
from tests.support.pages import ROOT
from tests.support.sealing import seal

PAGE = "docs/compliance.md"
QUERIES_PAGE = "docs/compliance-queries.md"
ANSWERS = {
    "query": re.compile(r"query \[([^\]]+)\]\(compliance-queries\.md#([a-z-]+)\)"),
    "test": re.compile(r"test `(tests/[\w/]+\.py)::(test_\w+)`"),
    "not covered": re.compile(r"not covered"),
}
GROUPS = ("audit_trusted", "audit_admin", "audit_sealer", "audit_retention")


@dataclass(frozen=True)
class Line:
    """A line of the map."""

    point: str
    asks: str
    answer: str
    left: str


def lines() -> list[Line]:
    """Return the lines of every table."""
    rows = [line.strip("|").split("|") for line in pages.read(PAGE).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    return [Line(*row) for row in cells if row[0] != "point" and set(row[0]) != {"-"}]


def answers(kind: str) -> list[tuple[str, ...]]:
    """Return what the answers of this kind name."""
    return [found.groups() for line in lines() if (found := ANSWERS[kind].fullmatch(line.answer))]


QUERIES = [block.heading for block in pages.blocks(QUERIES_PAGE) if block.language == "sql"]


@dataclass(frozen=True)
class Query:
    """A query of the page. group: whose member runs it."""

    group: str
    text: str


def query(heading: str) -> Query:
    """Return the query below a heading."""
    (text,) = pages.shown(QUERIES_PAGE, heading, "sql")
    found = re.match(r"-- as (\w+)\n", text)
    assert found, f"{heading}: the first line says who may run it"
    return Query(found[1], text)


@pytest.fixture
def used(database: TestDatabase) -> TestDatabase:
    """A database with records of two tenants, keys that were used, rotated and revoked, an export, and seals."""
    key = database.issue_api_key("acme", "read", "write", expires_at="2100-01-01")
    other = database.issue_api_key("acme", "write")
    context = {
        "event": "loan.refused", "origin": "198.51.100.7", "resource": "loan/12", "approver": "jane",
        "policy_id": "L-12", "gen_ai.agent.version": "3", "gen_ai.request.model": "large",
    }  # fmt: skip
    with psycopg.connect(database.url("audit_app"), autocommit=True) as connection:
        for trace, statuses in (("whole", ["started", "success"]), ("open", ["started"]), ("refused", ["denied"])):
            for status in statuses:
                with connection.transaction():
                    connection.execute("SELECT audit.enter_tenant(%s)", [key])
                    connection.execute(
                        "SELECT audit.insert_audit_log(p_agent_id => 'scoring', p_mode => 'LIVE', p_status => %s,"
                        " p_trace_id => %s, p_user_id => 'joe', p_error => %s, p_http_status => %s, p_latency_ms => 12,"
                        " p_context => %s)",
                        [
                            status, trace, "refused by policy" if status == "denied" else None,
                            200 if status == "success" else None, json.dumps(context),
                        ],
                    )  # fmt: skip
        with connection.transaction():
            connection.execute("SELECT audit.enter_tenant(%s)", [key])
            connection.execute("SELECT audit.record_api_key_use('read')")
        with connection.transaction():
            connection.execute("SELECT audit.enter_tenant(%s)", [key])
            connection.execute("SELECT audit.begin_export(p_api_key => %s, p_format => 'ndjson')", [key])
    with psycopg.connect(database.url()) as connection:
        connection.execute("SELECT audit.set_tenant('globex')")
        connection.execute(
            "SELECT audit.insert_audit_log(p_agent_id => 'globex-only', p_mode => 'LIVE', p_status => 'denied',"
            ' p_context => \'{"approver": "ann"}\')'
        )
    database.execute("SELECT audit.revoke_api_key(%s)", other.split("_")[1])
    seal(database)
    keep_and_prune(database, database.create_tenant("initech"))
    return database


def keep_and_prune(database: TestDatabase, tenant: str) -> None:
    """Let a tenant have terms, records that are due, one that was pruned, and a hold that was released by two."""
    database.execute("SELECT audit.set_retention(%s, 365, 30)", tenant)
    for count in (1, 2):
        with psycopg.connect(database.url()) as connection:
            connection.execute("SELECT audit.set_tenant(%s)", [tenant])
            for _ in range(count):
                connection.execute("SELECT audit.insert_audit_log('kyc', 'LIVE', 'success')")
        database.execute(
            "UPDATE audit.audit_logs SET created_at = created_at - interval '400 days' WHERE tenant_id = %s", tenant
        )
        seal(database)
        if count == 1:
            assert database.execute("SELECT pruned, is_done FROM audit.prune_records(10000)") == [(1, True)]
    ((hold,),) = database.execute("SELECT audit.place_hold(%s, 'court order', 'case 12')", tenant)
    database.execute("SELECT audit.set_retention_rules(p_live_floor_days => 183, p_release_by_two => true)")
    database.execute("SELECT audit.release_hold(%s, 'case closed')", hold)
    with psycopg.connect(database.url("postgres"), autocommit=True) as other:
        other.execute("SET SESSION AUTHORIZATION audit_owner")
        other.execute("SELECT audit.confirm_release(%s)", [hold])


def found(database: TestDatabase, heading: str, role: str, tenant: str = "acme") -> list[dict[str, Any]]:
    """Run a query of the page; return its rows."""
    asked = query(heading)
    with psycopg.connect(database.url(role), row_factory=psycopg.rows.dict_row) as connection:
        if asked.group == "audit_trusted":
            connection.execute("SELECT audit.set_tenant(%s)", [tenant])
        return connection.execute(asked.text.encode()).fetchall()


def test_there_are_lines_of_all_six_and_of_all_three_kinds() -> None:
    assert len(lines()) >= 75
    assert {kind for kind in ANSWERS if answers(kind)} == set(ANSWERS)
    assert [heading for heading in pages.headings(PAGE) if heading in {"SEC 17a-4(f)", "SOC 2, CC7"}]
    assert [line for line in lines() if line.point == "17(1)"]


@pytest.mark.parametrize("line", lines(), ids=lambda line: f"{line.point}: {line.asks}")
def test_each_line_has_exactly_one_answer_and_says_what_is_left(line: Line) -> None:
    matching = [kind for kind, form in ANSWERS.items() if form.fullmatch(line.answer)]
    assert len(matching) == 1, line.answer
    assert line.point
    assert line.asks
    assert line.left


@pytest.mark.parametrize("point", [f"10.2.1.{n}" for n in range(1, 8)] + ["10.2.2", "10.3.4", "10.5.1", "10.7.3"])
def test_no_point_of_pci_requirement_10_is_passed_over(point: str) -> None:
    assert [line for line in lines() if line.point.removesuffix(", first part") == point]


@pytest.mark.parametrize(("path", "name"), answers("test"))
def test_every_test_that_is_named_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_query_is_named_and_every_name_leads_to_a_query() -> None:
    named = set(answers("query"))
    assert {title for title, _ in named} == set(QUERIES)
    assert {anchor for _, anchor in named} <= pages.anchors(QUERIES_PAGE)
    assert all(title.lower().replace(",", "").replace(" ", "-") == anchor for title, anchor in named)


@pytest.mark.parametrize("heading", QUERIES)
def test_every_query_shows_something_in_every_column(heading: str, used: TestDatabase, create_role: CreateRole) -> None:
    group = query(heading).group
    assert group in GROUPS
    rows = found(used, heading, create_role(member_of=(group,)))
    assert rows
    empty = {name for name in rows[0] if all(row[name] is None for row in rows)}
    assert not empty


@pytest.mark.parametrize("heading", [name for name in QUERIES if query(name).group == "audit_trusted"])
def test_a_tenants_query_shows_nothing_of_another(heading: str, used: TestDatabase) -> None:
    rows = found(used, heading, "audit_gateway", tenant="acme")
    others = found(used, heading, "audit_gateway", tenant="globex")
    assert rows != others
    assert "globex-only" not in str(rows)
    assert "scoring" not in str(others)


def test_isolation_is_intact_in_every_row(used: TestDatabase, create_role: CreateRole) -> None:
    rows = found(used, "Isolation", create_role(member_of=("audit_admin",)))
    assert [row for row in rows if not row["intact"]] == []


def test_an_execution_that_ended_is_not_among_those_without_an_end(used: TestDatabase) -> None:
    assert [row["trace_id"] for row in found(used, "Executions without an end", "audit_gateway")] == ["open"]
    ends = {row["trace_id"]: row["ended_at"] for row in found(used, "Start and end of each use", "audit_gateway")}
    assert ends.keys() == {"whole", "open"}
    assert ends["whole"] is not None
    assert ends["open"] is None


def test_records_that_are_not_sealed_are_counted(used: TestDatabase) -> None:
    assert [row["not_sealed"] for row in found(used, "How far back records go", "audit_gateway")] == [0]
    used.execute("DELETE FROM audit.seals WHERE tenant_id = 'acme' AND leaf_index = 0")
    assert [row["not_sealed"] for row in found(used, "How far back records go", "audit_gateway")] == [1]
