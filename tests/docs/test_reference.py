"""What the pages list is what the code has: settings, SQLSTATEs, the policy, and the lines that stop attacks."""

import re

import pytest
from pydantic_settings import BaseSettings

from app.settings import Settings
from app.ship.settings import ShipperSettings
from app.sign.settings import SignerSettings
from tests.support import pages, walkthrough
from tests.support.pages import ROOT


def shown(default: object) -> str:
    """Return how the table of settings shows a default."""
    if default is None or default == ():
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_table_of_settings_has_every_setting_with_its_default_and_no_other() -> None:
    section = walkthrough.section(pages.read("docs/operations.md"), "Settings")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", section, re.MULTILINE))
    assert rows == {name.upper(): shown(field.default) for name, field in Settings.model_fields.items()}


@pytest.mark.parametrize(("page", "settings"), [("signing", SignerSettings), ("ship", ShipperSettings)])
def test_the_table_of_another_process_has_every_setting_of_it_with_its_default_and_no_other(
    page: str, settings: type[BaseSettings]
) -> None:
    section = walkthrough.section(pages.read(f"docs/{page}.md"), "Settings")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", section, re.MULTILINE))
    assert rows == {name.upper(): shown(field.default) for name, field in settings.model_fields.items()}


@pytest.mark.parametrize("name", [*Settings.model_fields, *SignerSettings.model_fields, *ShipperSettings.model_fields])
def test_the_example_file_has_every_setting(name: str) -> None:
    assert re.search(rf"^#{name.upper()}=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_every_sqlstate_of_ours_has_its_row() -> None:
    section = walkthrough.section(pages.read("docs/http.md"), "SQLSTATEs")
    functions = "".join(file.read_text() for file in (ROOT / "db/functions").rglob("*.sql"))
    raised = set(re.findall(r"ERRCODE = '(RF\d{3})'", functions))
    assert raised == set(re.findall(r"^\| `(RF\d{3})` \|", section, re.MULTILINE))


def test_the_policy_page_stands_there_word_for_word() -> None:
    policy = (ROOT / "db/policies/audit_logs.sql").read_text()
    assert f"```sql\n{policy}```" in pages.read("docs/policies.md")


def rows_of_attacks() -> list[tuple[str, str]]:
    """Return (attack, what stops it) of each row of the threat model."""
    page = pages.read("docs/threat-model.md")
    titles = ("Stopped in the database", "Stopped in the service", "Caught by evidence")
    sections = [walkthrough.section(page, title) for title in titles]
    found = re.findall(r"^\| (?!attack|-)([^|]+) \| ((?:`[^`]*`|[^|`])+) \|$", "".join(sections), re.MULTILINE)
    assert len(found) == sum(section.count("\n| ") - section.count("\n| attack |") for section in sections)
    return found


@pytest.mark.parametrize(("attack", "stopped_by"), rows_of_attacks())
def test_what_stops_an_attack_is_in_the_file_that_is_named(attack: str, stopped_by: str) -> None:
    """After a path, or several, stands code of theirs, with ... for what is left out; `name()` is a function's."""
    paths: list[str] = []
    code_follows = False
    for quoted in re.findall(r"`([^`]+)`", stopped_by):
        if re.match(r"(app|db)/", quoted):
            paths = [quoted] if code_follows else [*paths, quoted]
            code_follows = False
            assert (ROOT / quoted).is_file(), quoted
            continue
        code_follows = True
        wanted = ".*?".join(re.escape(part.strip()) for part in quoted.removesuffix("()").split("..."))
        for path in paths:
            found = re.search(wanted, " ".join((ROOT / path).read_text().split()))
            assert found is not None, f"{attack}: {path} has no {quoted}"
