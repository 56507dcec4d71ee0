"""Which weakenings there are: weakenings/*.sql ask the catalogue of a migrated database, so that a table, policy or
function that is added tomorrow is weakened too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

_FOLDER = Path(__file__).parent / "weakenings"

# Weakenings that change nothing that anybody could notice, by name, each with its reason.
EQUIVALENT: dict[str, str] = {}


class SuiteBroken(Exception):
    """The suite cannot tell what it was asked; the message says why. Nothing is proven about the database."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One weakening.

    kind: the file that it comes from. undo: for what belongs to the whole cluster and outlives the weakened database.
    """

    kind: str
    name: str
    weakening: str
    undo: str


def read_mutations(connection: Connection[Any]) -> list[Mutation]:
    """Ask the catalogue of `connection`, a superuser's, for every weakening but the equivalent ones.

    Raises SuiteBroken when a file gives none, a name is given twice, or an equivalent one is no longer given.
    """
    connection.execute("SET search_path = pg_catalog")
    mutations: dict[str, Mutation] = {}
    for file in sorted(_FOLDER.glob("*.sql")):
        rows = connection.execute(file.read_bytes()).fetchall()
        if not rows:
            raise SuiteBroken(f"{file.name} gives no weakening")
        for name, weakening, *undo in rows:
            if name in mutations:
                raise SuiteBroken(f"two weakenings are called: {name}")
            mutations[name] = Mutation(file.stem, name, weakening, *undo or [""])
    for name in EQUIVALENT:
        if mutations.pop(name, None) is None:
            raise SuiteBroken(f"excused as equivalent, but no longer among the weakenings: {name}")
    return list(mutations.values())
