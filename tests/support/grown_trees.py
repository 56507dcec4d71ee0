"""Trees that are filled by hand, as a superuser: their leaves have numbers for lines, and the nodes belong to them."""

from tests.support.database import TestDatabase
from tests.support.rfc6962 import Hashes, leaf_hash, root


def grow(database: TestDatabase, tenant: str, size: int, epoch: int = 1) -> Hashes:
    """Give the tenant a tree of `size` leaves in an epoch, and return their hashes."""
    leaves = tuple(leaf_hash(str(number).encode()) for number in range(size))
    database.execute(
        "INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, began_at) VALUES (%s, %s, %s, %s, '', now())",
        tenant,
        epoch,
        size,
        root(leaves),
    )
    with database.administrator.cursor() as cursor:
        copy = "COPY audit.seals (tenant_id, epoch, leaf_index, leaf_hash, line) FROM STDIN"
        with cursor.copy(copy) as rows:
            for number, leaf in enumerate(leaves):
                rows.write_row((tenant, epoch, number, leaf, str(number)))
        with cursor.copy("COPY audit.seal_nodes (tenant_id, epoch, level, node_index, hash) FROM STDIN") as rows:
            for level in (1, 2):
                width = 256**level
                for node in range(size // width):
                    rows.write_row((tenant, epoch, level, node, root(leaves[node * width : (node + 1) * width])))
    return leaves


def sign(database: TestDatabase, tenant: str, epoch: int, leaves: Hashes) -> None:
    """Store a checkpoint of a tree, with a note that nobody signed."""
    database.execute(
        "INSERT INTO audit.checkpoints VALUES (%s, %s, %s, %s, 'note', now())", tenant, epoch, len(leaves), root(leaves)
    )
