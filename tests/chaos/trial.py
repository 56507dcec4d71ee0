"""One fault, from an empty table to the verdict."""

from collections.abc import Callable
from typing import Any

from tests.chaos.laboratory import Laboratory
from tests.chaos.ledger import Answer, Verdict, judge
from tests.chaos.report import Line


def tried(lab: Laboratory[Any], name: str, happen: Callable[[], object]) -> tuple[Line, Verdict]:
    """Let a fault happen, and judge what it has left; `lab.load.ledger` has the answers."""
    lab.forget()
    happen()
    assert lab.load
    ledger = lab.load.ledger
    rows = [row for row in lab.rows() if row[1] != "recovered"]
    verdict = judge(ledger, rows)
    started = {row[1] for row in rows if row[4] == "started"}
    verdict.findings.extend(
        f"an agent was called without a record: {trace_id}" for trace_id in lab.calls_of_the_agent() - started
    )
    if dead_letters := lab.dead_letters():
        verdict.findings.append(f"{dead_letters} dead letters")
    if not lab.is_isolated():
        verdict.findings.append("isolation is broken")
    line = Line(
        name,
        sent=len(ledger.sent),
        acknowledged=ledger.count(Answer.ACKNOWLEDGED, Answer.SPOOLED),
        spooled=ledger.count(Answer.SPOOLED),
        refused=ledger.count(Answer.REFUSED),
        unknown=ledger.count(Answer.UNKNOWN),
        lost=verdict.lost,
        doubled=verdict.doubled,
        wrong=verdict.elsewhere + verdict.refused_but_stored + verdict.changed,
        slowest=ledger.slowest,
        recovered=lab.seconds_to_recover,
    )
    return line, verdict
