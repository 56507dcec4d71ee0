"""A page of an evidence export reads its own leaves, and not the whole tree."""

import psycopg

from tests.conftest import TestDatabase
from tests.support.grown_trees import grow

_READ = "SELECT idx_tup_fetch FROM pg_stat_xact_all_tables WHERE relid = 'audit.seals'::regclass"


def test_a_page_reads_the_leaves_that_it_shows(database: TestDatabase) -> None:
    grow(database, "acme", 20_000)
    with psycopg.connect(database.url()) as gateway:
        gateway.execute("SELECT audit.set_tenant('acme')")
        page = gateway.execute("SELECT text FROM audit.evidence_page('acme', 1, 10000, 11000)").fetchone()
        assert page == ("".join(f"{leaf}\n" for leaf in range(10_000, 11_000)),)
        ((read,),) = gateway.execute(_READ).fetchall()
    assert 1000 <= read < 2000
