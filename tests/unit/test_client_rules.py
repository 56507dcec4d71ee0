"""The Python client refuses what the service would refuse: its rules are the service's. It imports nothing of ours."""

import ast

from app.model import context, record
from tests.support.processes import ROOT

SOURCE = ROOT / "clients" / "python" / "src" / "ringfence"


def constants(file: str) -> dict[str, object]:
    """Return the constants of a module, without importing it."""
    found: dict[str, object] = {}
    for statement in ast.parse((SOURCE / file).read_text()).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except ValueError:
                continue
    return found


def test_names_and_sizes_of_a_record_are_the_service_s() -> None:
    ours = constants("_records.py")

    assert ours["CONTEXT_NAMES"] == context.CONTEXT_NAMES
    assert ours["MAX_CONTEXT_BYTES"] == context.MAX_CONTEXT_BYTES
    assert (ours["MODES"], ours["STATUSES"]) == (record.MODES, record.STATUSES)


def test_it_imports_nothing_of_the_service() -> None:
    files = list((ROOT / "clients").rglob("*.py"))
    assert len(files) > 15
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not any(name.split(".")[0] in ("app", "tests", "bench") for name in names), file
