"""Numbered files of a release, as the nodes of a cluster apply them where the records lie in shards already.

Citus hands a change of the distributed table on from the coordinator to every node and shard; everything else is done
on each node by itself, as on a single server. So on the coordinator statements that change audit.audit_logs are handed
on, and on the workers they are left out. What Citus would not hand on whole is refused before anything is changed.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import sqlparse
from sqlparse import lexer
from sqlparse.tokens import Comment

_TABLE = re.compile(r"\baudit\.audit_logs")
"""The table, or an index of it."""
_HANDED_ON = re.compile(
    r"ALTER TABLE (IF EXISTS |ONLY )*audit\.audit_logs |DROP INDEX (IF EXISTS )?audit\.audit_logs_\w+$"
    r"|CREATE (UNIQUE )?INDEX (IF NOT EXISTS )?\w+ ON audit\.audit_logs "
    r"|DROP POLICY (IF EXISTS )?\w+ ON audit\.audit_logs$",
    re.IGNORECASE,
)
_ON_EACH_NODE = re.compile(r"COMMENT ON |CREATE (OR REPLACE )?FUNCTION |GRANT |REVOKE ", re.IGNORECASE)
"""Of what names the table: texts, and privileges, which db/citus/shard_privileges.sql gives to shards."""
_FUNCTION = re.compile(r"CREATE (OR REPLACE )?FUNCTION (audit\.\w+)", re.IGNORECASE)
_HAND_ON = """SET LOCAL citus.enable_ddl_propagation = on;
SET LOCAL citus.enable_metadata_sync = on;
{};
SET LOCAL citus.enable_metadata_sync = off;
SET LOCAL citus.enable_ddl_propagation = off;
"""


class NotForShards(Exception):
    """A numbered file has a statement that cannot be brought to shards; the message says which."""


@dataclass(frozen=True, slots=True)
class Changes:
    """coordinator, worker: copies of the release for each. functions: statements for each worker, before either.

    Those make functions that a CHECK of the table calls: a worker has them before the coordinator hands it on.
    """

    coordinator: Path
    worker: Path
    functions: list[str]


def write(directory: Path, pending: list[str], folder: Path) -> Changes:
    """Make copies of the release at `directory` in `folder`. Raises NotForShards.

    pending: the numbered files that a node lacks, relative to `directory`; nothing but these differs.
    """
    on_coordinator, on_worker = folder / "coordinator", folder / "worker"
    for copy in (on_coordinator, on_worker):
        (copy / "schema").mkdir(parents=True)
        (copy / "migrations").symlink_to("schema")
        for entry in directory.iterdir():
            if entry.name not in ("schema", "migrations"):
                (copy / entry.name).symlink_to(entry.resolve())
        for file in (directory / "schema").iterdir():
            if f"schema/{file.name}" not in pending:
                (copy / "schema" / file.name).symlink_to(file.resolve())
    functions, handed_on = [], []
    for path in pending:
        here, there = [], []
        for statement in _statements(directory / path):
            if _is_handed_on(path, statement):
                here.append(_HAND_ON.format(statement))
                handed_on.append(statement)
                continue
            here.append(f"{statement};\n")
            there.append(f"{statement};\n")
            if found := _FUNCTION.match(statement):
                functions.append((found[2], statement))
        (on_coordinator / path).write_text("".join(here))
        (on_worker / path).write_text("".join(there))
    called = [statement for name, statement in functions if f"{name}(" in "".join(handed_on)]
    return Changes(on_coordinator, on_worker, called)


def _statements(file: Path) -> list[str]:
    tokens = lexer.tokenize(file.read_text())  # type: ignore[no-untyped-call]
    text = "".join("\n" if kind in Comment else value for kind, value in tokens)
    return [each.strip().removesuffix(";") for each in sqlparse.split(text) if each.strip()]


def _is_handed_on(path: str, statement: str) -> bool:
    """Return whether the statement changes the table or an index of it. Raises NotForShards."""
    words = " ".join(statement.split())
    if _HANDED_ON.match(words):
        return True
    if _TABLE.search(words) and not _ON_EACH_NODE.match(words):
        raise NotForShards(f"db/{path} cannot be brought to shards: {words[:60]}")
    return False
