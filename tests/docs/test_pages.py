"""Every page: its links lead somewhere, its paths exist, its commands can be pasted, and a test runs them."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.pages import COMMANDS, NOT_RUN, PAGES, PYTHON_BY, ROOT, RUN_BY

_PATH = re.compile(r"`((?:app|bench|db|docs|tests)/[\w./*-]+)`")


def test_every_page_is_looked_at() -> None:
    assert {"README.md", "docs/README.md", "docs/http.md", ".github/CONTRIBUTING.md"} <= set(PAGES)
    assert sum(page.startswith("docs/decisions/") for page in PAGES) >= 12


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = "".join(re.split(r"^ *```.*?^ *```$", pages.read(page), flags=re.MULTILINE | re.DOTALL))
    for target in re.findall(r"\]\(([^)]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        path, _, anchor = target.partition("#")
        if path.startswith("https:"):
            continue
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        if anchor:
            assert anchor in pages.anchors(str(linked.resolve().relative_to(ROOT.resolve()))), target


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_every_path_exists(page: str) -> None:
    missing = [path for path in _PATH.findall(pages.read(page)) if not any(ROOT.glob(path))]
    assert [path for path in missing if not re.search(r"ROOM|NAME|V\d{4}__what|benchmarks", path)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_commands_can_be_pasted(page: str) -> None:
    for block in pages.blocks(page):
        python = ("python",) if page.startswith(tuple(PYTHON_BY)) else ()
        assert block.language in (*COMMANDS, *python, "text", "json", "sql", "mermaid"), block
        assert not re.search(r"^[$#>] \$|^\$ ", block.text, re.MULTILINE), block.text
        if block.language in COMMANDS:
            done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), block.text


def test_every_block_of_commands_is_run_by_a_test_or_has_a_reason_why_not() -> None:
    found = {(b.page, b.heading) for page in PAGES for b in pages.blocks(page) if b.language in COMMANDS}
    assert found == RUN_BY.keys() | NOT_RUN.keys()
    assert not RUN_BY.keys() & NOT_RUN.keys()


@pytest.mark.parametrize(("page", "heading"), RUN_BY)
def test_the_test_that_is_named_reads_the_commands_from_the_page(page: str, heading: str) -> None:
    text = (Path(__file__).parent / RUN_BY[page, heading]).read_text()
    sections = "walkthrough.sections()" in text and heading == "Verify with curl"
    assert sections or f'"{heading}"' in text
    assert sections or f'"{page}"' in text


@pytest.mark.parametrize(("folder", "test"), PYTHON_BY.items())
def test_the_python_of_pages_is_read_by_a_test_of_its_folder(folder: str, test: str) -> None:
    assert test.startswith(folder)
    assert "```python" in (ROOT / test).read_text()


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CHANGELOG.md"])
def test_every_target_of_make_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", pages.read(page)))
    named |= {name for b in pages.blocks(page) for name in re.findall(r"^make ([a-z-]+)", b.text, re.MULTILINE)}
    assert named <= targets


@pytest.mark.parametrize(
    "name",
    [
        "ringfence.dump",
        "base/PG_VERSION",
        "audit-logs.csv",
        "audit-logs_acme_2026-11-29T101112Z.ndjson",
        "rejects.jsonl",
        "docs/deploy/postgres-password.secret",
    ],
)
def test_what_the_commands_leave_behind_is_ignored_by_git(name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT, check=False).returncode == 0


def test_every_page_of_docs_is_in_the_table_of_contents() -> None:
    contents = pages.read("docs/README.md")
    listed = {str(Path(target.partition("#")[0])) for target in re.findall(r"\]\(([^)]+)\)", contents)}
    below = {str(Path(page).relative_to("docs")) for page in PAGES if page.startswith("docs/")} - {"README.md"}
    assert below <= listed
