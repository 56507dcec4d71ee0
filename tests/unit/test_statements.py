"""The service's SQL stands in one file, which a reviewer reads whole."""

import ast
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
MAY_SPELL_SQL = (
    "services/calls.py",
    "admin/",
    "migrate.py",
    "import_jsonl/store.py",
    "local/",
    "retain.py",
    "seal.py",
    "sign/database.py",
)
SQLITE = ("services/spool/", "sign/memory.py")


def test_no_other_file_spells_a_statement() -> None:
    spelling = set()
    for file in APP.rglob("*.py"):
        constants = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
        if any("SELECT " in str(value) for value in constants):
            spelling.add(str(file.relative_to(APP)))
    assert "services/calls.py" in spelling
    assert {name for name in spelling if not name.startswith((*MAY_SPELL_SQL, *SQLITE))} == set()
