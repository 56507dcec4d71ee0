"""CONTRIBUTING names every room, and the hooks of pre-commit call the tools that `make lint` calls."""

import re

import yaml

from app import __version__
from tests.support import pages
from tests.support.pages import ROOT


def test_every_room_of_the_service_has_its_rule() -> None:
    table = pages.read(".github/CONTRIBUTING.md").split("| room | rule |")[1].split("\n\n")[0]
    named = {
        room for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for room in re.findall(r"`([^`]+)`", row)
    }
    rooms = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "app").glob("*/**/__init__.py")}
    assert rooms
    assert rooms == {name for name in named if name.startswith("app/")}


def test_every_tool_of_make_lint_is_a_hook_of_pre_commit() -> None:
    hooks = [
        hook
        for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
        for hook in repo["hooks"]
    ]
    called = " ".join(hook["entry"] for hook in hooks)
    recipe = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    tools = set(re.findall(r"\$\(BIN\)/([\w-]+)", recipe)) | {"sha256sum"}
    assert {"ruff", "mypy", "squawk"} < tools
    assert all(tool in called for tool in tools)
    assert all(hook["language"] == "system" for hook in hooks)  # the project's own, and no other version of them


def test_the_series_of_this_version_gets_security_fixes() -> None:
    series = ".".join(__version__.split(".")[:2])
    assert f"| {series}.x | yes |" in pages.read(".github/SECURITY.md")
