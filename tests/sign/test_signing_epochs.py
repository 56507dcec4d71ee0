"""The signer and new epochs: it signs one whose statement says what was signed before."""

from tests.support.signing import Sealed, SignerAt


def last_signed(signer: SignerAt) -> dict[str, object]:
    memory = signer.memory()
    memory.close()
    known = memory.known["acme"][1]
    return {"size": known.size, "root": known.root.hex()}


def test_an_epoch_whose_statement_names_the_last_signed_head_is_signed(sealed: Sealed, signer: SignerAt) -> None:
    sealed.back_up()
    sealed.append("acme", 5)
    signer.once()
    sealed.restore()
    assert signer.once() == 1
    sealed.begin_epoch("acme", 2, last_signed(signer))
    sealed.append("acme", 0)

    assert signer.once() == 1  # the refusal of the first epoch is there for the operator to end
    assert sealed.signed_size(epoch=2) == 1
    assert signer.has_signed(sealed, epoch=2)
    signer.command("resume", "--tenant", "acme")
    assert signer.once() == 0
    assert sealed.signed_size() == 0  # twelve were signed; the closed tree of seven leaves never is


def test_an_epoch_that_hides_what_was_signed_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    sealed.back_up()
    sealed.append("acme", 5)
    signer.once()
    sealed.restore()
    sealed.begin_epoch("acme", 2, None)

    assert signer.once() == 1
    assert "says that nothing of epoch 1 was known as signed" in signer.refusal(epoch=2)
    assert sealed.signed_size(epoch=2) == 0


def test_the_last_head_of_a_closed_epoch_is_signed_after_the_epoch_that_follows(
    sealed: Sealed, signer: SignerAt
) -> None:
    signer.once()
    known = last_signed(signer)
    sealed.append("acme", 5)
    sealed.begin_epoch("acme", 2, known)

    assert signer.once() == 0
    assert sealed.signed_size(epoch=2) == 1
    assert signer.once() == 0
    assert sealed.signed_size(epoch=1) == 12
