"""The rules by which a head is signed or refused."""

import json
from decimal import Decimal
from typing import Any

import pytest

from app.sign import heads, merkle
from app.sign.heads import Head, HeadRefused, Known, Statement
from tests.support import rfc6962

LEAVES = tuple(rfc6962.leaf_hash(b"%d" % number) for number in range(20))


def head(size: int, epoch: int = 1, checkpoint: int | None = None) -> Head:
    return Head("acme", epoch, size, rfc6962.root(LEAVES[:size]), checkpoint)


def known(size: int) -> Known:
    return Known(size, rfc6962.root(LEAVES[:size]))


def test_the_first_head_of_a_tree_is_signed_as_it_is() -> None:
    heads.check_size(head(7), None)


def test_a_head_that_extends_the_signed_one_is_signed() -> None:
    heads.check_size(head(12, checkpoint=7), known(7))
    heads.check_extension(head(12), known(7), rfc6962.consistency(7, LEAVES[:12]))


def test_a_head_with_another_beginning_is_refused() -> None:
    fork = Known(7, rfc6962.root((*LEAVES[:6], LEAVES[19])))
    with pytest.raises(HeadRefused, match="the first 7 of the tree's 12 leaves are not those that were signed"):
        heads.check_extension(head(12), fork, rfc6962.consistency(7, LEAVES[:12]))


def test_a_tree_that_has_shrunk_is_refused() -> None:
    with pytest.raises(HeadRefused, match="the tree has 6 leaves, and 7 were signed: leaves are gone"):
        heads.check_size(head(6, checkpoint=6), known(7))


def test_another_root_at_the_signed_size_is_refused() -> None:
    heads.check_size(head(7), known(7))
    with pytest.raises(HeadRefused, match="another root than the one that was signed"):
        heads.check_size(head(7), Known(7, LEAVES[0]))


def test_a_checkpoint_that_the_memory_does_not_know_is_refused() -> None:
    with pytest.raises(HeadRefused, match="a checkpoint of 9 leaves, and this memory ends at 7"):
        heads.check_size(head(12, checkpoint=9), known(7))
    with pytest.raises(HeadRefused, match="this memory ends at 0"):
        heads.check_size(head(12, checkpoint=9), None)


def test_an_epoch_that_the_database_has_no_more_is_refused() -> None:
    heads.check_listed("acme", 2, 3)
    with pytest.raises(HeadRefused, match="epoch 2 of acme was signed, and the database has only epoch 1"):
        heads.check_listed("acme", 2, 1)
    with pytest.raises(HeadRefused, match="epoch 1 of acme was signed, and the database has no tree"):
        heads.check_listed("acme", 1, 0)


def statement(**changes: Any) -> str:
    root = known(9).root.hex()
    said = {
        "version": 1, "kind": "epoch", "tenant_id": "acme", "epoch": 2, "previous_epoch": 1, "previous_size": 9,
        "previous_root": root, "known_size": 9, "known_root": root, "reason": "restore",
        "began_at": "2026-11-30T10:00:00.000000Z",
    }  # fmt: skip
    return json.dumps(said | changes, separators=(",", ":"))


def check(line: str, signed: dict[int, Known], *, first: str | None = None) -> Statement:
    """Check a head of epoch 2 that begins with `first`, by default with the statement itself; return what it says."""
    leaves = (rfc6962.leaf_hash((first or line).encode()), *LEAVES[:4])
    return heads.check_statement(
        Head("acme", 2, 5, rfc6962.root(leaves), None), line, rfc6962.consistency(1, leaves), signed
    )


def test_an_epoch_that_names_the_last_signed_head_is_signed() -> None:
    assert check(statement(), {1: known(9)}) == Statement(Head("acme", 1, 9, known(9).root, None), [])


def test_an_epoch_that_names_leaves_which_are_lost_is_signed_since_it_says_so() -> None:
    said = check(statement(previous_size=5, previous_root=known(5).root.hex()), {1: known(9)})
    assert (said.before.size, said.lost) == (5, ["4 of epoch 1"])


def test_an_epoch_after_one_of_which_nothing_was_signed_says_so() -> None:
    check(statement(known_size=None, known_root=None), {})
    with pytest.raises(
        HeadRefused, match="says that 9 of epoch 1 was known as signed, and this signer has signed nothing"
    ):
        check(statement(), {})


@pytest.mark.parametrize(
    "changes",
    [
        {"known_size": None, "known_root": None},
        {"known_size": 8, "known_root": known(8).root.hex()},
        {"known_size": 9, "known_root": known(8).root.hex()},
        {"known_size": True},
    ],
)
def test_an_epoch_that_hides_the_last_signed_head_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(HeadRefused, match="this signer has signed 9 leaves of it"):
        check(statement(**changes), {1: known(9)})


def test_an_epoch_that_was_lost_as_a_whole_is_passed_over_by_its_number() -> None:
    line = statement(epoch=3, previous_epoch=1)
    leaves = (rfc6962.leaf_hash(line.encode()),)
    said = heads.check_statement(Head("acme", 3, 1, leaves[0], None), line, [], {1: known(9), 2: known(4)})
    assert said.lost == ["all 4 of epoch 2"]


def test_an_epoch_that_continues_one_without_a_statement_is_refused() -> None:
    nothing = {"previous_epoch": 2, "known_size": None, "known_root": None}
    leaf = rfc6962.leaf_hash((line := statement(epoch=3, **nothing)).encode())
    assert heads.check_statement(Head("acme", 3, 1, leaf, None), line, [], {1: known(9)}).before.epoch == 2

    line = statement(epoch=3, **nothing, previous_size=0, previous_root=merkle.EMPTY_ROOT.hex())
    leaf = rfc6962.leaf_hash(line.encode())
    with pytest.raises(HeadRefused, match="epoch 3 continues epoch 2, which has no leaf, and so no statement"):
        heads.check_statement(Head("acme", 3, 1, leaf, None), line, [], {1: known(9)})


GOOD_ROW = ("acme", 1, 7, bytes(32), None)


@pytest.mark.parametrize("tenant", ["acme", "0", "a_b-c", "a" * 63])
def test_a_row_with_the_id_of_a_tenant_is_a_head(tenant: str) -> None:
    assert heads.read_head((tenant, *GOOD_ROW[1:])) == Head(tenant, 1, 7, bytes(32), None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (0, None), (0, ""), (0, "acme/4"), (0, "acme\n6\nroot"), (0, "acme\n"), (0, "../../etc"), (0, ".."),
        (0, "Acme"),
        (0, "a" * 64), (0, b"acme"), (1, 0), (1, -1), (1, None), (1, True), (1, "1"), (2, -1), (2, None),
        (2, Decimal(7)),
        (3, None), (3, bytes(31)), (3, "0" * 32), (4, -1), (4, "7"),
    ],
)  # fmt: skip
def test_a_row_that_is_no_head_is_refused(column: int, value: object) -> None:
    with pytest.raises(ValueError, match="not a tenant's id"):
        heads.read_head((*GOOD_ROW[:column], value, *GOOD_ROW[column + 1 :]))


def test_a_statement_that_is_not_the_first_leaf_is_refused() -> None:
    with pytest.raises(HeadRefused, match="does not begin with the statement that the database shows"):
        check(statement(), {1: known(9)}, first=statement(known_size=None, known_root=None))


@pytest.mark.parametrize(
    "line",
    [
        "{}", "[]", "7", "epoch", "NaN", statement()[:-1], "[" * 100_000, statement(version=2), statement(kind="prune"),
        statement(previous_epoch="1"), statement(previous_epoch=True), statement(previous_size=None),
        statement(previous_size=-1), statement(previous_root="00"), statement(previous_root=None),
        statement(reason="x")[:-1] + ',"more":1}',
        statement()[:-1] + ',"known_size":null}',
    ],
)  # fmt: skip
def test_a_first_leaf_that_is_no_statement_is_refused(line: str) -> None:
    with pytest.raises(HeadRefused, match="the first leaf of the epoch"):
        check(line, {1: known(9)})


@pytest.mark.parametrize(
    "changes", [{"tenant_id": "globex"}, {"epoch": 3}, {"previous_epoch": 2}, {"previous_epoch": 0}]
)
def test_a_statement_about_another_tenant_or_epoch_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(HeadRefused, match="about another epoch or tenant"):
        check(statement(**changes), {1: known(9)})
