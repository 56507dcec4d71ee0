"""What evidence costs: inserts, sealing, proofs, bundles and offline verification."""

from bench import before_evidence, proofs, sealing
from bench.laboratory import Laboratory
from bench.run import Run

FEW = 10_000
"""Records of the other tenants."""


def measure(run: Run) -> None:
    """Measure all of it, in a database of its own but for the inserts."""
    before_evidence.inserts(run)
    run.clock.say("Making records to seal")
    laboratory = Laboratory(run.writing.server, "evidence", FEW)
    proofs.write(laboratory, run.plan.exported)
    run.clock.say(f"Sealing {run.plan.sealed:,} records of a hundred tenants")
    sealing.rate(run, laboratory)
    run.clock.say("Sealing beside writers")
    sealing.lag(run, laboratory)
    run.clock.say("Bundles, and their verification")
    proofs.bundles(run, laboratory)
    run.clock.say(f"Making a tree of {run.plan.leaves:,} leaves")
    proofs.grow(laboratory, run.plan.leaves)
    run.clock.say("Proofs")
    proofs.proofs(run, laboratory)
    run.clock.say("Sealing where nothing is due")
    sealing.idle(run, laboratory)
