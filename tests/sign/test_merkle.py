"""The signer's check of consistency proofs, against trees as RFC 6962 defines them."""

import pytest

from app.sign import merkle
from tests.support import rfc6962

LEAVES = tuple(rfc6962.leaf_hash(b"%d" % number) for number in range(70))
OTHER = tuple(rfc6962.leaf_hash(b"other %d" % number) for number in range(70))


@pytest.mark.parametrize("size", range(1, 71))
def test_every_tree_extends_each_of_its_beginnings(size: int) -> None:
    root = rfc6962.root(LEAVES[:size])
    for old in range(1, size + 1):
        proof = rfc6962.consistency(old, LEAVES[:size])
        assert merkle.is_extension(old, rfc6962.root(LEAVES[:old]), size, root, proof), old


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 33, 64, 70])
def test_a_tree_extends_no_other_tree_whatever_proof_of_the_two_is_shown(size: int) -> None:
    root = rfc6962.root(LEAVES[:size])
    for old in range(1, size + 1):
        fork = rfc6962.root((*LEAVES[: old - 1], OTHER[old - 1]))
        for leaves in (LEAVES[:size], (*LEAVES[: old - 1], *OTHER[old - 1 : size])):
            assert not merkle.is_extension(old, fork, size, root, rfc6962.consistency(old, leaves)), old


@pytest.mark.parametrize(("old", "size"), [(3, 7), (4, 7), (6, 8), (8, 70), (33, 70)])
def test_a_proof_with_a_changed_missing_or_further_hash_proves_nothing(old: int, size: int) -> None:
    old_root, root = rfc6962.root(LEAVES[:old]), rfc6962.root(LEAVES[:size])
    proof = rfc6962.consistency(old, LEAVES[:size])

    assert merkle.is_extension(old, old_root, size, root, proof)
    for number in range(len(proof)):
        changed = [*proof[:number], OTHER[0], *proof[number + 1 :]]
        assert not merkle.is_extension(old, old_root, size, root, changed)
        assert not merkle.is_extension(old, old_root, size, root, proof[:number] + proof[number + 1 :])
    assert not merkle.is_extension(old, old_root, size, root, [*proof, OTHER[0]])
    assert not merkle.is_extension(old, old_root, size, root, [proof[0][:31], *proof[1:]])


@pytest.mark.parametrize(("old", "size"), [(0, 5), (-1, 5), (6, 5)])
def test_sizes_that_are_no_beginning_prove_nothing(old: int, size: int) -> None:
    assert not merkle.is_extension(old, LEAVES[0], size, rfc6962.root(LEAVES[:5]), [])


@pytest.mark.parametrize(("old", "size", "claimed"), [(3, 7, 70), (6, 8, 16), (1, 2, 3)])
def test_a_proof_that_ends_before_the_claimed_size_proves_nothing(old: int, size: int, claimed: int) -> None:
    old_root, root = rfc6962.root(LEAVES[:old]), rfc6962.root(LEAVES[:size])
    proof = rfc6962.consistency(old, LEAVES[:size])
    assert merkle.is_extension(old, old_root, size, root, proof)
    assert not merkle.is_extension(old, old_root, claimed, root, proof)
