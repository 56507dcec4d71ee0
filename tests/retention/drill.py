"""The great drill: a tenant of a million records is held, pruned and erased, and what is left proves itself.

`make retention-drill`, or `python -m tests.retention.drill --records N`, prints what was counted, and the seconds. It
fails when two counts that must be equal are not, or the verifier does not say what it must.
"""

import argparse
import base64
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.database_url import forget_libpq_variables
from app.sign.merkle import is_extension
from tests.support.exporting import enter
from tests.support.keeping import SERVICE, Keeping, keeping
from tests.support.sealing import root_of_proof

TENANT, HELD_TENANT = "acme", "globex"
LIVE_DAYS, DRY_RUN_DAYS = 200, 80
PERSON = "user-erika"
# Half of the records are 400 to 310 days old, a quarter 150 to 105, the rest 55 to 10. One of eight is a DRY_RUN. No
# age is near a term, so that no record becomes due while the drill runs.
_WRITE = """
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, user_id, error, created_at, context)
SELECT audit.uuid_v7(), 'trace-' || n / 10, %(tenant)s, 'agent-' || n %% 5003,
       CASE n %% 8 WHEN 0 THEN 'DRY_RUN' WHEN 1 THEN NULL ELSE 'LIVE' END, 'success',
       'user-' || CASE n %% 1009 WHEN 0 THEN 'erika' WHEN 1 THEN 'held' ELSE (n %% 1009)::text END,
       CASE n %% 50 WHEN 0 THEN 'no answer' END,
       now() + n * interval '180 days' / %(records)s::int - make_interval(days =>
           CASE WHEN n < %(records)s::int / 2 THEN 400 WHEN n < %(records)s::int * 3 / 4 THEN 240 ELSE 190 END),
       CASE n %% 1009 WHEN 2 THEN '{"approver":"user-erika"}' WHEN 3 THEN '{"approver":"user-held"}'
                      ELSE '{"event":"scored"}' END::json
FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""
_DUE = f"""
SELECT count(*) FROM audit.audit_logs AS l WHERE tenant_id = %s AND created_at < now() - make_interval(days =>
    CASE mode WHEN 'DRY_RUN' THEN {DRY_RUN_DAYS} ELSE {LIVE_DAYS} END)
"""
_WINDOW = (datetime.now(UTC) - timedelta(days=350), datetime.now(UTC) - timedelta(days=349))
# What the holds of hold() say, once more.
_HELD = f"""(l.user_id = 'user-held' OR l.context ->> 'approver' = 'user-held' OR l.agent_id = 'agent-77'
            OR l.trace_id = 'trace-1009' OR l.created_at >= '{_WINDOW[0]}' AND l.created_at < '{_WINDOW[1]}')"""
_OF_PERSON = f"(l.user_id = '{PERSON}' OR l.context ->> 'approver' = '{PERSON}')"


@dataclass
class Drill:
    """What happens, in order. counts: what is printed. seconds: of each step."""

    at: Keeping
    records: int
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note how long a step takes."""
        began = time.perf_counter()
        yield
        self.seconds[step] = time.perf_counter() - began

    def run(self) -> None:
        """Do all of it; an assertion fails where something is not as it must be."""
        counts, at = self.counts, self.at
        with self.timed("write"):
            self.write(TENANT, self.records)
            self.write(HELD_TENANT, self.records // 100)
        with self.timed("seal"):
            at.server.seal()
        with self.timed("sign"):
            at.sign()
        old = at.keep_checkpoint(TENANT, "old.checkpoint")
        self.hold()

        of_tenant = "SELECT count(*) FROM audit.audit_logs AS l WHERE tenant_id = %s"
        counts["records before"] = at.count(of_tenant, TENANT)
        counts["due"] = at.count(_DUE, TENANT)
        counts["due and held"] = at.count(f"{_DUE} AND {_HELD}", TENANT)
        with self.timed("count what is due"):
            told = at.query(
                "SELECT sum(due)::bigint, sum(held)::bigint FROM audit.count_due_records() WHERE tenant_id = %s", TENANT
            )
        assert told == [(counts["due"] - counts["due and held"], counts["due and held"])]
        # A window over what will be gone: between two records that are held.
        window = self.held_window()

        with self.timed("prune"):
            counts["pruned"] = at.prune()
        counts["records after the prune"] = at.count(of_tenant, TENANT)
        counts["records of the tenant under hold"] = at.count(of_tenant, HELD_TENANT)
        counts["of the person, left"] = at.count(f"{of_tenant} AND {_OF_PERSON}", TENANT)
        counts["of the person, held"] = at.count(f"{of_tenant} AND {_OF_PERSON} AND {_HELD}", TENANT)
        with self.timed("erase"):
            counts["erased"], held = at.erase(TENANT, PERSON)
        assert held == counts["of the person, held"] > 0
        at.sign()
        new = at.keep_checkpoint(TENANT, "new.checkpoint")
        self.compare()
        with self.timed("export"):
            bundle = at.export(TENANT, "after.ndjson")
        with self.timed("verify"):
            said = at.verify(bundle, TENANT, "--since", old, "--since", new, "--allow-gone")
        self.judge(said)
        assert at.verify(bundle, TENANT, "--since", old)["verdict"] == "fail"  # for who has agreed to nothing
        self.judge_window(*window, old)
        with self.timed("prove"):
            self.prove(old, new)

    def write(self, tenant: str, records: int) -> None:
        """Write the history of a tenant, in some transactions."""
        with self.at.server.connect() as superuser:
            step = max(records // 20, 1)
            for first in range(0, records, step):
                last = min(first + step, records) - 1
                superuser.execute(_WRITE.encode(), {"tenant": tenant, "records": records, "first": first, "last": last})
            superuser.execute("ANALYZE audit.audit_logs")

    def hold(self) -> None:
        """Set the terms, and place a hold of every kind, and one that is released again."""
        at = self.at
        for tenant in (TENANT, HELD_TENANT):
            at.administer("SELECT audit.set_retention(%s, %s, %s)", tenant, LIVE_DAYS, DRY_RUN_DAYS)
        place = "SELECT audit.place_hold(p_tenant_id => %s, p_reason => 'a court asks', p_reference => 'case 1'"
        at.administer(f"{place}, p_user_id => 'user-held')", TENANT)
        at.administer(f"{place}, p_agent_id => 'agent-77')", TENANT)
        at.administer(f"{place}, p_trace_id => 'trace-1009')", TENANT)
        at.administer(f"{place}, p_start_time => %s, p_end_time => %s)", TENANT, *_WINDOW)
        at.administer(f"{place})", HELD_TENANT)
        released = at.administer(f"{place})", TENANT)
        assert at.administer("SELECT audit.release_hold(%s, 'the case is closed')", released) == "released"

    def held_window(self) -> tuple[Any, Any]:
        """Return a window of time from one held record to another, with whole tiles of others between them."""
        ((start, end),) = self.at.query(
            "SELECT min(created_at), max(created_at) FROM (SELECT created_at FROM audit.audit_logs AS l"
            " WHERE tenant_id = %s AND user_id = 'user-held' ORDER BY created_at LIMIT 8) AS held",
            TENANT,
        )
        return start, end

    def compare(self) -> None:
        """Compare the counts with each other."""
        counts, at = self.counts, self.at
        assert counts["pruned"] == counts["due"] - counts["due and held"]
        assert counts["records before"] == counts["records after the prune"] + counts["pruned"]
        assert counts["records of the tenant under hold"] == self.records // 100
        assert counts["of the person, left"] == counts["erased"] + counts["of the person, held"]
        assert at.count("SELECT count(*) FROM audit.pruned_ids") == counts["pruned"]
        events = "SELECT coalesce(sum((detail ->> 'count')::bigint), 0) FROM audit.admin_events WHERE act = %s"
        assert at.count(events, "records pruned") == counts["pruned"]
        assert at.count(events, "person erased") == counts["erased"]
        assert (
            at.count(
                f"SELECT count(*) FROM audit.audit_logs AS l WHERE {_OF_PERSON} AND NOT {_HELD} AND tenant_id = %s",
                TENANT,
            )
            == 0
        )
        counts["leaves"] = at.count("SELECT size FROM audit.trees WHERE tenant_id = %s", TENANT)
        counts["statements"] = at.count(
            "SELECT count(*) FROM audit.seals WHERE tenant_id = %s AND line IS NOT NULL", TENANT
        )
        counts["rows of leaves"] = at.count("SELECT count(*) FROM audit.seals WHERE tenant_id = %s", TENANT)
        folded, rest = divmod(counts["leaves"] - counts["rows of leaves"], 256)
        counts["folded tiles"] = folded
        assert rest == 0
        assert counts["leaves"] == counts["records before"] + counts["statements"]

    def judge(self, said: dict[str, Any]) -> None:
        """Demand that every claim holds, and that what has gone is counted as here."""
        states = {each["claim"]: each["state"] for each in said["claims"]}
        assert said["verdict"] == "pass", said
        assert states == dict.fromkeys(states, "PASS") | {"witnesses": "NOT CHECKED"}
        gone = {kind: each["leaves"] for kind, each in said["gone"].items()}
        assert gone == {"pruned": self.counts["pruned"], "erased": self.counts["erased"]}
        (file,) = [each["found"] for each in said["claims"] if each["claim"] == "file"]
        left, leaves = self.counts["records after the prune"], self.counts["leaves"]
        assert file == f"complete, {left} records in {leaves} leaves of 1 epoch"

    def judge_window(self, start: Any, end: Any, old: Path) -> None:
        """Export a window from one held record to another, over tiles that have gone, and verify it."""
        with self.timed("export a window"):
            window = self.at.export(TENANT, "window.ndjson", start, end)
        with window.open() as lines:
            whole_tiles = sum('{"omitted":256,' in line for line in lines)
        said = self.at.verify(window, TENANT, "--window", "--allow-gone")
        assert said["verdict"] == "pass", said
        assert self.at.verify(window, TENANT, "--window")["verdict"] == "fail"
        self.counts["folded tiles in a window"] = whole_tiles
        self.counts["pruned leaves in it"] = said["gone"]["pruned"]["leaves"]
        assert whole_tiles > 0
        since = self.at.verify(window, TENANT, "--window", "--allow-gone", "--since", old)
        assert since["verdict"] != "fail", since  # the old size may lie inside what a window does not show

    def prove(self, old: Path, new: Path) -> None:
        """Prove a sample of what is left, and that the new tree begins with the old one."""
        at = self.at
        ids = [row[0] for row in at.query("SELECT id FROM audit.audit_logs WHERE tenant_id = %s ORDER BY id", TENANT)]
        sample = random.Random(1).sample(ids, min(len(ids), 200))
        note = new.read_text()
        with at.server.connect(SERVICE) as service:
            for record_id in sample:
                with service.transaction():
                    enter(service, at.keys[TENANT])
                    ((leaf,),) = service.execute("SELECT audit.get_leaf(%s)", [record_id]).fetchall()
                    ((proof,),) = service.execute("SELECT audit.get_inclusion_proof(%s)", [record_id]).fetchall()
                root, checkpoint = root_of_proof(leaf.split("\n")[0].encode(), proof)
                assert checkpoint == note
                assert base64.b64encode(root).decode() == note.split("\n")[2]
            sizes = [
                (int(each[1]), base64.b64decode(each[2]))
                for each in (file.read_text().split("\n") for file in (old, new))
            ]
            with service.transaction():
                enter(service, at.keys[TENANT])
                ((text,),) = service.execute(
                    "SELECT audit.get_consistency_proof(%s, %s)", [sizes[0][0], sizes[1][0]]
                ).fetchall()
        assert is_extension(*sizes[0], *sizes[1], [base64.b64decode(each) for each in json.loads(text)["hashes"]])
        self.counts["inclusion proofs"] = len(sample)

    def table(self) -> str:
        """Return counts and seconds, for a reader."""
        lines = [f"{what:<34} {count:>12,}" for what, count in self.counts.items()]
        lines += [f"{what + ', seconds':<34} {seconds:>12,.1f}" for what, seconds in self.seconds.items()]
        lines.append(f"{'pruned records a second':<34} {self.counts['pruned'] / self.seconds['prune']:>12,.0f}")
        return "\n".join(lines)


def main() -> int:
    """Run the drill with a million records, and print the table."""
    forget_libpq_variables()  # the server is our own
    parser = argparse.ArgumentParser(
        prog="python -m tests.retention.drill", description=(__doc__ or "").split("\n\n", 1)[0]
    )
    parser.add_argument("--records", type=int, default=1_000_000)
    with keeping(TENANT, HELD_TENANT) as at:
        drill = Drill(at, parser.parse_args().records)
        drill.run()
    print(drill.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
