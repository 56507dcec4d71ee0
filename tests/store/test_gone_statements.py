"""The statements of what was pruned and erased: as long as the verifier reads, however scattered the leaves are."""

import json

import psycopg

from app.verify import ringfence_verify
from tests.conftest import TestDatabase

SCATTERED = "SELECT array_agg(n * 2 + 10000000) FROM generate_series(0, %s) AS n"


def append(database: TestDatabase, leaves: str, count: int) -> list[str]:
    """Append the statements of a prune of these leaves of epoch 1 to an empty tree of acme; return their lines."""
    database.execute(
        "INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at)"
        " VALUES ('acme', 1, 0, audit.tree_root(''), '', now())"
    )
    with database.administrator.transaction():
        database.execute("SET LOCAL ROLE audit_owner")
        database.execute("SELECT audit.enter_tenant_to_keep('acme')")
        ((leaves_array,),) = database.execute(leaves, count - 1)
        database.execute(
            "SELECT audit.append_gone_statements('prune', 'acme', array_fill(1, ARRAY[%s]), %s, now(),"
            " array_fill(now(), ARRAY[%s]), 'LIVE', 365)",
            count, leaves_array, count,
        )  # fmt: skip
    return [line for (line,) in database.execute("SELECT line FROM audit.seals ORDER BY leaf_index")]


def ranges(lines: list[str]) -> list[list[int]]:
    return [each for line in lines for each in json.loads(line)["leaves"]]


def test_leaves_beside_each_other_are_one_range_however_many(database: TestDatabase) -> None:
    lines = append(database, "SELECT array_agg(n) FROM generate_series(0, %s) AS n", 300_000)
    assert len(lines) == 1
    assert ranges(lines) == [[0, 300_000]]


def test_scattered_leaves_are_shared_out_to_statements_that_a_verifier_reads(database: TestDatabase) -> None:
    count = 300_000
    lines = append(database, SCATTERED, count)
    assert max(map(len, lines)) < ringfence_verify.MAX_LINE // 4
    assert ranges(lines) == [[10_000_000 + 2 * n, 10_000_001 + 2 * n] for n in range(count)]


def test_a_page_of_an_export_holds_few_of_the_long_ones(database: TestDatabase) -> None:
    total = sum(map(len, append(database, SCATTERED, 300_000)))
    database.execute(
        "INSERT INTO audit.checkpoints SELECT tenant_id, epoch, size, root, 'note', now() FROM audit.trees"
    )
    with psycopg.connect(database.url()) as connection:
        connection.execute("SELECT audit.set_tenant('acme')")
        connection.execute("SELECT audit.continue_export(audit.begin_export(p_format => 'evidence'))")
        pages = [len(lines) for (lines,) in connection.execute("SELECT lines FROM audit.export_audit_logs()")]
    # One part ends after two megabytes, and no page of it is much larger than one statement.
    assert max(pages) < 2 << 20
    assert 2 << 20 < sum(pages) < total
