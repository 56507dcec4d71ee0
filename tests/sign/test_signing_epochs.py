"""The signer and new epochs: it signs one whose statement says what was signed before."""

import json

from tests.support.signing import Sealed, SignerAt


def known(signer: SignerAt) -> str:
    return signer.command("known").stdout


def end_refusals(signer: SignerAt) -> None:
    for tenant in ("acme", "globex"):
        signer.command("resume", "--tenant", tenant)


def test_after_a_restore_an_epoch_that_names_the_last_signed_head_is_signed(sealed: Sealed, signer: SignerAt) -> None:
    sealed.back_up()
    sealed.append("acme", 5)
    signer.once()
    sealed.restore()
    assert signer.once() == 1
    sealed.begin_epoch(known(signer))

    assert signer.once() == 1  # the refusal of the first epoch is there for the operator to end
    assert sealed.signed_size(epoch=2) == sealed.signed_size("globex", 2) == 1
    assert signer.has_signed(sealed, epoch=2)
    end_refusals(signer)
    assert signer.once() == 0
    assert signer.once() == 0
    assert sealed.signed_size() == 0  # twelve were signed; the closed tree of seven leaves never is


def test_records_go_on_in_the_new_epoch_and_are_signed(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    sealed.begin_epoch(known(signer))
    assert signer.once() == 0
    sealed.append("acme", 4, epoch=2)
    assert signer.once() == 0
    assert sealed.signed_size(epoch=2) == 5


def test_an_epoch_that_hides_what_was_signed_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    sealed.begin_epoch(None)

    assert signer.once() == 1
    assert "says that nothing of epoch 1 was known as signed" in signer.refusal(epoch=2)
    assert sealed.signed_size(epoch=2) == 0


def test_an_epoch_that_names_another_head_than_the_last_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    earlier = known(signer)
    sealed.append("acme", 5)
    signer.once()
    sealed.begin_epoch(earlier)

    assert signer.once() == 1
    assert "says that 7 of epoch 1 was known as signed, and this signer has signed 12" in signer.refusal(epoch=2)
    assert sealed.signed_size("globex", 2) == 1


def test_the_last_head_of_a_closed_epoch_is_signed_after_the_epoch_that_follows(
    sealed: Sealed, signer: SignerAt
) -> None:
    signer.once()
    before = known(signer)
    sealed.append("acme", 5)
    sealed.begin_epoch(before)

    assert signer.once() == 0
    assert (sealed.signed_size(epoch=2), sealed.signed_size()) == (1, 7)
    assert signer.once() == 0
    assert sealed.signed_size() == 12


def test_an_epoch_that_was_lost_as_a_whole_keeps_its_number(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    sealed.back_up()
    sealed.begin_epoch(known(signer))
    sealed.append("acme", 4, epoch=2)
    signer.once()
    sealed.restore()
    assert signer.once() == 1
    assert "epoch 2 of acme was signed, and the database has only epoch 1" in signer.refusal(epoch=2)

    sealed.begin_epoch(known(signer))
    end_refusals(signer)
    assert signer.once() == 0
    assert sealed.signed_size(epoch=3) == 1
    assert [(each["epoch"], each["size"]) for each in json.loads(known(signer)) if each["tenant_id"] == "acme"] == [
        (1, 7), (2, 5), (3, 1),
    ]  # fmt: skip


def test_two_epochs_that_began_before_anything_of_them_was_signed_are_signed(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    sealed.begin_epoch(known(signer))
    sealed.begin_epoch(known(signer))

    assert signer.once() == 0
    assert sealed.signed_size(epoch=3) == 1
    assert signer.once() == 0
    assert sealed.signed_size(epoch=2) == 1


def test_an_epoch_after_one_that_hides_what_was_signed_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    sealed.begin_epoch(None)
    sealed.begin_epoch(known(signer))

    assert signer.once() == 1
    assert "epoch 2 says that nothing of epoch 1 was known as signed" in signer.refusal(epoch=3)
    assert sealed.signed_size(epoch=3) == 0


def test_an_epoch_after_one_without_a_statement_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    signer.once()
    sealed.tamper(
        "INSERT INTO audit.trees (tenant_id, epoch, size, root, frontier, sealed_xid, sealed_id, began_at)"
        " SELECT tenant_id, 2, 0, sha256(''), '', sealed_xid, sealed_id, began_at FROM audit.trees"
        " WHERE tenant_id = 'acme'"
    )
    sealed.begin_epoch(known(signer))

    assert signer.once() == 1
    assert "epoch 3 continues epoch 2, which has no leaf" in signer.refusal(epoch=3)
    assert sealed.signed_size(epoch=3) == 0
    assert sealed.signed_size("globex", 2) == 1
