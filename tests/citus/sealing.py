"""Sealing on a cluster, for tests of evidence."""

from tests.citus.conftest import Distributed
from tests.support.polling import eventually


def seal(distributed: Distributed) -> None:
    """Seal until every record has a leaf: a transaction that is about to end on a worker holds sealing back."""

    def is_done() -> bool:
        distributed.call("test_sealer", ("SELECT audit.seal_records()", []))
        with distributed.cluster.connect() as superuser:
            row = superuser.execute(
                "SELECT (SELECT count(*) FROM audit.audit_logs) ="
                " (SELECT count(*) FROM audit.seals AS s WHERE s.record_id IS NOT NULL"
                " AND s.record_id NOT IN (SELECT p.id FROM audit.pruned_ids AS p))"
            ).fetchone()
        return bool(row and row[0])

    eventually(is_done)
