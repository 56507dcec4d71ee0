"""Proofs are those of RFC 6962: in small trees all of them, in large ones where stored blocks begin and end.

The formulas' side is tests/support/rfc6962.py, the database's db/functions/evidence.
"""

import base64
import json
import random

import psycopg
import pytest

from tests.support.database import TestDatabase
from tests.support.grown_trees import grow
from tests.support.rfc6962 import Hashes, consistency, inclusion, root

BLOCK = 256


def inclusion_of(database: TestDatabase, index: int, size: int) -> tuple[bytes, list[bytes]]:
    """Return the root and the hashes of the database's inclusion path."""
    ((found, hashes),) = database.execute(
        "SELECT root, hashes FROM audit.inclusion_path('acme', 1, %s, %s)", index, size
    )
    return found, hashes


def consistency_of(database: TestDatabase, old: int, new: int) -> tuple[bytes, bytes, list[bytes]]:
    """Return both roots and the hashes of the database's consistency path."""
    ((from_root, to_root, hashes),) = database.execute(
        "SELECT from_root, to_root, hashes FROM audit.consistency_path('acme', 1, %s, %s)", old, new
    )
    return from_root, to_root, hashes


def expect_inclusion(database: TestDatabase, leaves: Hashes, index: int, size: int) -> None:
    """Compare one inclusion path with the formula."""
    expected = root(leaves[:size]), inclusion(index, leaves[:size])
    assert inclusion_of(database, index, size) == expected, (index, size)


def expect_consistency(database: TestDatabase, leaves: Hashes, old: int, new: int) -> None:
    """Compare one consistency path with the formula."""
    expected = root(leaves[:old]), root(leaves[:new]), consistency(old, leaves[:new])
    assert consistency_of(database, old, new) == expected, (old, new)


def test_every_leaf_of_every_small_tree_has_the_inclusion_path_of_the_formula(database: TestDatabase) -> None:
    leaves = grow(database, "acme", 70)
    for size in range(1, 71):
        for index in range(size):
            expect_inclusion(database, leaves, index, size)


def test_every_two_small_trees_have_the_consistency_path_of_the_formula(database: TestDatabase) -> None:
    leaves = grow(database, "acme", 70)
    for new in range(1, 71):
        for old in range(1, new + 1):
            expect_consistency(database, leaves, old, new)


@pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 513])
def test_paths_are_those_of_the_formula_where_blocks_begin_and_end(database: TestDatabase, size: int) -> None:
    leaves = grow(database, "acme", size)
    edges = sorted({1, 2, 127, 128, 129, 254, 255, 256, 257, 258, 510, 511, 512, size - 1, size})
    for edge in (edge for edge in edges if edge <= size):
        expect_inclusion(database, leaves, edge - 1, size)
        expect_consistency(database, leaves, edge, size)


def test_paths_are_those_of_the_formula_where_blocks_of_blocks_begin_and_end(database: TestDatabase) -> None:
    square = BLOCK**2
    leaves = grow(database, "acme", square + 1)
    chance = random.Random(6962)
    for size in (square - 1, square, square + 1):
        edges = {1, BLOCK, BLOCK + 1, square // 2, square // 2 + 1, size - 1, size}
        for edge in sorted(edges | {chance.randint(1, size) for _ in range(20)}):
            expect_inclusion(database, leaves, edge - 1, size)
            expect_consistency(database, leaves, edge, size)


def test_a_tree_of_which_only_the_nodes_are_left_has_the_same_root(database: TestDatabase) -> None:
    leaves = grow(database, "acme", 600)
    database.execute("DELETE FROM audit.seals WHERE leaf_index < 512")
    ((found,),) = database.execute("SELECT audit.root_of_size('acme', 1, 600)")
    assert found == root(leaves)
    with pytest.raises(psycopg.Error, match="the leaves that this proof needs are pruned"):
        inclusion_of(database, 0, 600)


def test_a_tenant_gets_the_consistency_proof_of_the_formula_as_json(database: TestDatabase) -> None:
    leaves = grow(database, "acme", 300)
    with psycopg.connect(database.url()) as gateway:
        gateway.execute("SELECT audit.set_tenant('acme')")
        row = gateway.execute("SELECT audit.get_consistency_proof(p_from => 100, p_to => 300)").fetchone()
    assert row is not None
    proof = json.loads(row[0])
    hashes = [base64.b64decode(text, validate=True) for text in proof.pop("hashes")]
    roots = [base64.b64decode(proof.pop(name), validate=True) for name in ("from_root", "to_root")]
    assert proof == {"tenant_id": "acme", "epoch": 1, "from": 100, "to": 300}
    assert hashes == consistency(100, leaves)
    assert roots == [root(leaves[:100]), root(leaves)]
