"""The pages of documentation: their text, their fenced blocks, and which test runs the commands of each.

A page's commands are a promise. RUN_BY names the test that runs all commands below a heading as they are written;
NOT_RUN gives the reason if no test can. tests/docs/test_pages.py demands one or the other for every heading.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (
        *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/*.md"), ROOT / "db/tests/README.md",
        *ROOT.glob("clients/python/*.md"), *ROOT.glob("clients/python/docs/*.md"),
    )
)  # fmt: skip

RUN_BY = {
    ("README.md", "First requests"): "test_readme.py",
    ("README.md", "Verify with curl"): "test_curl_walkthrough.py",
    ("docs/http.md", "Verify with curl"): "test_curl_walkthrough.py",
    ("docs/http.md", "Records from other services"): "test_commands_of_callers.py",
    ("docs/http.md", "Export"): "test_commands_of_callers.py",
    ("docs/http.md", "DRY_RUN and LIVE"): "test_commands_of_callers.py",
    ("docs/reliability.md", "The spool"): "test_commands_of_callers.py",
    ("docs/reliability.md", "Without a database"): "test_commands_of_callers.py",
    ("docs/isolation.md", "API keys"): "test_commands_of_operators.py",
    ("docs/isolation.md", "View links"): "test_commands_of_operators.py",
    ("docs/verify-with-psql.md", "Steps"): "test_psql_walkthrough.py",
    ("docs/verify-with-psql.md", "Retention"): "test_psql_walkthrough.py",
    ("docs/deploy.md", "The first keys on Render"): "test_commands_of_operators.py",
    ("docs/deploy.md", "Behind a gateway"): "test_commands_of_operators.py",
    ("docs/operations.md", "Migrations"): "test_commands_of_operators.py",
    ("docs/operations.md", "Repair an edited policy"): "test_commands_of_operators.py",
    ("docs/operations.md", "Upgrade from 0.1"): "test_commands_of_operators.py",
    ("docs/operations.md", "Administration"): "test_commands_of_operators.py",
    ("docs/operations.md", "Backup and restore"): "../commands/test_backup.py",
    ("docs/importing.md", "See what an import would do"): "test_commands_of_operators.py",
    ("docs/importing.md", "Import"): "test_commands_of_operators.py",
    ("docs/verifying.md", "Check an export"): "test_verifying.py",
    ("docs/verifying.md", "Check one record"): "test_verifying.py",
    ("docs/verifying.md", "Compare what has gone with what was agreed"): "test_verifying.py",
    ("docs/restore.md", "Before you need it"): "test_restore_drills.py",
    ("docs/restore.md", "Restore a dump into a new server"): "test_restore_drills.py",
    ("docs/restore.md", "Restore to a moment"): "test_restore_drills.py",
    ("docs/restore.md", "Fail over to a standby"): "test_restore_drills.py",
    ("docs/high-availability.md", "See who is the primary"): "../failover/page.py",
    ("docs/high-availability.md", "Bring the old primary back"): "../failover/page.py",
    ("docs/high-availability.md", "Change the primary on purpose"): "../failover/page.py",
    ("docs/retention.md", "Logins"): "test_retention_page.py",
    ("docs/retention.md", "Terms"): "test_retention_page.py",
    ("docs/retention.md", "What would go"): "test_retention_page.py",
    ("docs/retention.md", "Prune"): "test_retention_page.py",
    ("docs/retention.md", "Legal holds"): "test_retention_page.py",
    ("docs/retention.md", "Erase a person"): "test_retention_page.py",
    ("docs/retention.md", "What erasure does not cover"): "test_retention_page.py",
    ("docs/retention.md", "Tell a person what is stored"): "test_retention_page.py",
    ("docs/retention.md", "A tenant leaves"): "test_retention_page.py",
    ("docs/retention.md", "Space"): "test_retention_page.py",
    ("docs/citus.md", "Distribute"): "../citus/test_citus_page.py",
    ("docs/citus.md", "Replace the secret of the proofs"): "../citus/test_citus_page.py",
    ("docs/feed.md", "Read it with curl"): "test_feed_page.py",
    ("docs/opentelemetry.md", "Turn it on"): "test_opentelemetry_page.py",
    ("docs/opentelemetry.md", "Send one span with curl"): "test_opentelemetry_page.py",
    ("docs/opentelemetry.md", "Export from an agent"): "test_opentelemetry_page.py",
    ("docs/opentelemetry.md", "Traces of the service itself"): "test_opentelemetry_page.py",
    ("docs/ship.md", "Set up"): "test_ship_page.py",
    ("docs/ship.md", "Verify a webhook"): "test_ship_page.py",
    ("docs/view.md", "Sign in"): "test_view_page.py",
    ("docs/view.md", "A link for an auditor"): "test_view_page.py",
    ("docs/signing.md", "Set up"): "test_signing_page.py",
    ("docs/signing.md", "What is refused"): "test_signing_page.py",
    ("docs/signing.md", "A memory that was lost or rolled back"): "test_signing_page.py",
    ("docs/signing.md", "Replace the key"): "test_signing_page.py",
    ("docs/runbooks.md", "An API key has leaked"): "test_runbooks.py",
    ("docs/runbooks.md", "The password of audit_app has leaked"): "test_runbooks.py",
    ("docs/runbooks.md", "A tenant leaves"): "test_runbooks.py",
    ("docs/runbooks.md", "Sealing is behind"): "test_evidence_pages.py",
    ("docs/runbooks.md", "A tree contradicts itself"): "test_evidence_pages.py",
    ("README.md", "Evidence"): "test_evidence_pages.py",
    ("README.md", "From Python"): "test_from_python.py",
    ("clients/python/README.md", "From nothing to a record"): "test_from_python.py",
    ("docs/evidence.md", "Verify with curl"): "test_curl_walkthrough.py",
    ("docs/evidence.md", "Keep checkpoints outside"): "test_evidence_pages.py",
    ("docs/evidence.md", "Sealing"): "test_evidence_pages.py",
    ("docs/evidence.md", "Restores and failovers"): "test_evidence_pages.py",
    ("docs/ocsf.md", "Check a fingerprint"): "test_ocsf_page.py",
}
"""(page, heading): the test below tests/docs that runs the commands."""

NOT_RUN = {
    ("README.md", "Two commands"): "make test runs this very test; .ci/run runs it on a clean checkout",
    (".github/CONTRIBUTING.md", "Inner loop"): "starts the server that this very test needs",
    ("docs/deploy.md", "Docker"): "needs a Docker daemon and the network",
    ("docs/deploy.md", "Compose"): "needs a Docker daemon and the network",
    ("docs/high-availability.md", "Set up"): "needs three machines with systemd; `make failover` has the same files",
}
"""(page, heading): why no test runs the commands."""

COMMANDS = ("bash", "sh", "console")
PYTHON_BY = {"clients/python/": "clients/python/tests/test_pages.py"}
"""Where pages have blocks of Python: the test that runs them, which needs the client's own environment."""
_FENCE = re.compile(r"^ *```(\w*)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. heading: the nearest one above it, of any level."""

    page: str
    heading: str
    language: str
    text: str


def read(page: str) -> str:
    """Return the page's text."""
    return (ROOT / page).read_text()


def blocks(page: str, heading: str | None = None) -> list[Block]:
    """Return the page's fenced blocks in order, or those below one heading alone."""
    found: list[Block] = []
    above = ""
    language: str | None = None
    lines: list[str] = []
    for line in read(page).splitlines(keepends=True):
        fence = _FENCE.match(line)
        if fence and language is None:
            language, lines = fence[1], []
        elif fence:
            found.append(Block(page, above, language or "", "".join(lines)))
            language = None
        elif language is not None:
            lines.append(line)
        elif line.startswith("#"):
            above = line.lstrip("#").strip()
    assert language is None, f"{page}: a block is not closed"
    return [block for block in found if heading in (None, block.heading)]


def commands(page: str, heading: str) -> list[str]:
    """Return the blocks of commands below a heading of the page."""
    found = [block.text for block in blocks(page, heading) if block.language in COMMANDS]
    assert found, f"{page} has no commands below {heading!r}"
    return found


def shown(page: str, heading: str, language: str = "text") -> list[str]:
    """Return the blocks of output below a heading of the page."""
    return [block.text for block in blocks(page, heading) if block.language == language]


def headings(page: str) -> list[str]:
    """Return the page's headings in order; what looks like one inside of a block is none."""
    inside, found = False, []
    for line in read(page).splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif line.startswith("#") and not inside:
            found.append(line.lstrip("#").strip())
    return found


def anchors(page: str) -> set[str]:
    """Return the page's anchors, as GitHub makes them of headings."""
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings(page)}
