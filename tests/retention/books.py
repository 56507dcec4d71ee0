"""What must agree at any time: records, leaves, statements, ids that cannot be taken again, and events."""

import json

from tests.support.keeping import Keeping

_STATE = """
SELECT (SELECT count(*) FROM audit.audit_logs),
       (SELECT count(*) FROM audit.audit_logs WHERE user_id IS NOT NULL),
       (SELECT sha256(string_agg(s::text, '|' ORDER BY tenant_id, epoch, leaf_index)::bytea) FROM audit.seals AS s),
       (SELECT string_agg(t::text, '|' ORDER BY tenant_id, epoch) FROM audit.trees AS t),
       (SELECT count(*) FROM audit.seal_nodes),
       (SELECT count(*) FROM audit.pruned_ids),
       (SELECT string_agg(r::text, '|' ORDER BY tenant_id) FROM audit.retention AS r),
       (SELECT string_agg(h::text, '|' ORDER BY id) FROM audit.legal_holds AS h),
       (SELECT count(*) FROM audit.admin_events)
"""


def state(at: Keeping) -> list[tuple[object, ...]]:
    """Return all that retention may change, to be compared with itself."""
    return at.query(_STATE)


def named(at: Keeping, kind: str) -> int:
    """Return how many leaves the statements of a kind name."""
    total = 0
    for (line,) in at.query("SELECT line FROM audit.seals WHERE line LIKE %s", f'%"kind":"{kind}"%'):
        total += sum(end - first for first, end in json.loads(line)["leaves"])
    return total


def counted(at: Keeping, act: str) -> int:
    """Return how many records the events of an act count."""
    return at.count("SELECT coalesce(sum((detail ->> 'count')::bigint), 0) FROM audit.admin_events WHERE act = %s", act)


def check(at: Keeping, written: int) -> None:
    """Compare all of it with itself, and with how many records were written; every record must be sealed."""
    records = at.count("SELECT count(*) FROM audit.audit_logs")
    pruned = at.count("SELECT count(*) FROM audit.pruned_ids")
    assert records + pruned == written
    assert named(at, "prune") == counted(at, "records pruned") == pruned
    # Each record has its leaf, and no leaf names a record that is not there.
    with_record = at.count("SELECT count(*) FROM audit.seals WHERE record_id IS NOT NULL")
    assert with_record == records
    joined = (
        "SELECT count(*) FROM audit.seals AS s"
        " JOIN audit.audit_logs AS l ON (l.id, l.tenant_id) = (s.record_id, s.tenant_id)"
    )
    assert at.count(joined) == records
    erased = at.count(f"{joined} WHERE s.private_sha256 IS NOT NULL AND l.user_id IS NULL AND l.error IS NULL")
    assert at.count("SELECT count(*) FROM audit.seals WHERE private_sha256 IS NOT NULL") == erased
    assert named(at, "erase") == counted(at, "person erased")
    assert erased <= named(at, "erase")  # some of the erased are pruned since
    sizes = at.count("SELECT sum(size) FROM audit.trees")
    statements = at.count("SELECT count(*) FROM audit.seals WHERE line IS NOT NULL")
    assert sizes == written + statements


def check_evidence(at: Keeping) -> None:
    """Sign, export and verify every tenant."""
    at.sign()
    for tenant in at.keys:
        said = at.verify(at.export(tenant, f"{tenant}.ndjson"), tenant, "--allow-gone")
        assert said["verdict"] == "pass", said
