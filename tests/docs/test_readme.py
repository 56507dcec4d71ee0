"""The README: short enough to be read, its first commands answer as shown, and its tree is the checkout's."""

import fnmatch
import json
import re
from typing import Any

from tests.support import pages, walkthrough
from tests.support.answers import without_what_differs
from tests.support.pages import ROOT
from tests.support.processes import running_service
from tests.support.shell import Shell

README = pages.read("README.md")


def test_it_has_300_lines_at_most_and_the_first_hundred_lead_to_a_refusal() -> None:
    lines = README.splitlines()
    assert len(lines) <= 300
    first = "\n".join(lines[:100])
    for text in ("What it is not", "make run", "/execute", "/audit/logs", "tenant-mismatch", '"count":0'):
        assert text in first, text


def documents(text: str) -> list[Any]:
    """Return the JSON documents of the text, which curl prints one behind the other."""
    decoder, found, position = json.JSONDecoder(), [], 0
    while position < len(text):
        document, position = decoder.raw_decode(text, position)
        found.append(document)
        position += len(text[position:]) - len(text[position:].lstrip())
    return found


def test_the_first_requests_answer_as_shown(shell: Shell, api_keys: dict[str, str]) -> None:
    (block,) = pages.commands("README.md", "First requests")
    (answers,) = pages.shown("README.md", "First requests", "json")
    with running_service(database_url=shell.variables["DATABASE_URL"]) as service:
        demo = api_keys | {"RINGFENCE_URL": str(service.http.base_url).rstrip("/")}
        (shell.folder / ".data").mkdir()
        (shell.folder / ".data/demo.env").write_text("".join(f"{name}={value}\n" for name, value in demo.items()))
        got = documents(shell.run(block))
    expected = documents(answers)
    assert len(expected) == 4
    assert without_what_differs(got) == without_what_differs(expected)
    assert got[1]["items"][0]["id"] == got[0]["id"]


def test_the_three_variables_of_render_are_those_of_the_blueprint() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", walkthrough.section(README, "Deploy"), re.MULTILINE)
    assert rows == ["DATABASE_URL", "LIVE_ENABLED", "ALLOWED_ORIGINS"]
    assert all(f"- key: {name}\n" in (ROOT / "render.yaml").read_text() for name in rows)


def test_the_tree_has_every_file_and_folder_of_the_top_level() -> None:
    tree = walkthrough.section(README, "Where things are")
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines())]
    paths = [
        path.name
        for path in ROOT.iterdir()
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored)
        and (path.is_file() or any(path.iterdir()))
    ]
    missing = [name for name in paths if not re.search(rf"(^|\s){re.escape(name)}(/\S*)?(\s|$)", tree, re.MULTILINE)]
    assert "db" in paths
    assert missing == []


def test_every_path_of_the_tree_exists() -> None:
    (block,) = pages.shown("README.md", "Where things are")
    for line in block.splitlines():
        names, *about = re.split(r" {2,}", line.strip())
        missing = [name for name in names.split() if not (ROOT / name).exists()]
        assert missing == [], line
        below = re.findall(r"[\w.]+/(?=[,; ]|$)", "".join(about)) if names.endswith("/") else []
        assert [name for name in below if not (ROOT / names / name).exists()] == [], line
