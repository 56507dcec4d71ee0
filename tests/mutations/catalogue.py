"""Which weakenings there are: weakenings/*.sql ask the catalogue of a migrated database, so that a table, policy or
function that is added tomorrow is weakened too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

_FOLDER = Path(__file__).parent / "weakenings"

# Weakenings that change nothing that anybody could notice, or nothing on the server on which they are tried: by name,
# each with its reason.
EQUIVALENT: dict[str, str] = {
    (
        "function audit.findings_of_roles does not ask: "
        "coalesce((to_jsonb(m) ->> 'set_option')::boolean OR (to_jsonb(m) ->> 'inherit_op"
        " (1)"
    ): "PostgreSQL 15, on which they are tried, has no such columns; the pgTAP tests try it on 18",
    (
        "function audit.feed_position does not refuse: pg_is_in_recovery() (3)"
    ): "needs a standby, on which tests/store/test_read_replica.py tries it",
    (
        "function audit.next_gone_statement does not ask: "
        "substring(right(v_said.line, 200) FROM ',([0-9]{1,18})\\]\\]')::bigint > (e.epoch "
        " (2)"
    ): "spares the look at each range",
    (
        "function audit.next_gone_statement does not ask: "
        "substring(v_said.line FROM '\"leaves\":\\[\\[([0-9]{1,18}),')::bigint <= (e.epoch ->"
        " (1)"
    ): "spares the look at each range",
    (
        "function audit.prune_batch does not ask: "
        "(l.created_at, l.id) >= (v_part.first, v_part.ids[1]) AND (l.created_at, l.id) <"
        " (1)"
    ): "narrows what is searched for the ids of the list",
    (
        "function audit.prune_batch does not ask: s.leaf_index BETWEEN v_tile.first AND v_tile.last (2)"
    ): "narrows what is searched for the leaves of the list",
}


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
