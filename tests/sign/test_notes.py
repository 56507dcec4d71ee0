"""Notes, keys and cosignatures, as C2SP defines them."""

import base64
import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.sign import notes
from app.sign.notes import BadNote, Checkpoint, VerifierKey

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ROOT = bytes(range(32, 64))
CHECKPOINT = Checkpoint("ringfence.example/acme", 20852163, ROOT)

# The example of C2SP tlog-cosignature.
EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501


def signed(checkpoint: Checkpoint = CHECKPOINT, key: Ed25519PrivateKey = KEY) -> str:
    return f"{checkpoint.text}\n{notes.sign(checkpoint.text, checkpoint.origin, key)}"


def test_a_checkpoint_is_three_lines_an_empty_one_and_a_signature() -> None:
    origin, size, root, empty, signature, end = signed().split("\n")

    assert (origin, size, root, empty, end) == (
        "ringfence.example/acme", "20852163", base64.b64encode(ROOT).decode(), "", "",
    )  # fmt: skip
    assert re.fullmatch(r"— ringfence\.example/acme [A-Za-z0-9+/]{91}=", signature)


def test_the_example_of_the_specification_is_read() -> None:
    checkpoint, signatures = notes.parse(EXAMPLE)

    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert [each.name for each in signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert len(signatures[1].signature) == 72  # a time, and a signature of Ed25519


def test_a_checkpoint_that_was_signed_is_read_and_found_signed() -> None:
    checkpoint, signatures = notes.parse(signed())

    assert checkpoint == CHECKPOINT
    assert notes.is_signed(checkpoint.text, signatures, notes.key_of("ringfence.example/acme", KEY))


def test_the_key_of_another_origin_has_not_signed() -> None:
    _, signatures = notes.parse(signed())
    assert not notes.is_signed(CHECKPOINT.text, signatures, notes.key_of("ringfence.example/globex", KEY))


def test_a_signature_of_another_text_is_refused_by_the_key_s_name() -> None:
    _, signatures = notes.parse(signed())
    other = Checkpoint(CHECKPOINT.origin, CHECKPOINT.size + 1, ROOT)
    with pytest.raises(BadNote, match=r"a wrong signature of ringfence\.example/acme"):
        notes.is_signed(other.text, signatures, notes.key_of(CHECKPOINT.origin, KEY))


def test_the_origin_has_a_number_from_the_second_epoch_on() -> None:
    assert notes.origin_of("ringfence.example", "acme", 1) == "ringfence.example/acme"
    assert notes.origin_of("ringfence.example", "acme", 2) == "ringfence.example/acme/2"


def test_a_vkey_is_read_as_it_was_written() -> None:
    key = notes.key_of("ringfence.example/acme", KEY)

    assert re.fullmatch(r"ringfence\.example/acme\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", str(key))
    assert notes.parse_vkey(str(key)) == key


def test_a_vkey_whose_id_is_another_key_s_is_refused() -> None:
    key = notes.key_of("ringfence.example/acme", KEY)
    wrong = str(key).replace(f"+{key.id.hex()}+", "+00000000+")
    with pytest.raises(BadNote, match="the id of the vkey"):
        notes.parse_vkey(wrong)


@pytest.mark.parametrize(
    "change",
    [
        ("20852163", "020852163"), ("20852163", "-1"), ("20852163", "99999999999999999999"), ("\n\n", "\n"),
        ("acme\n", "acme\r\n"), ("— ", "- "), ("\n\n", "\nextension\n\n"), ("acme\n", "acme\n\n"),
        (base64.b64encode(ROOT).decode(), base64.b64encode(ROOT[:31]).decode()),
        (base64.b64encode(ROOT).decode(), base64.b64encode(ROOT).decode()[:-2] + "9="),
    ],
)  # fmt: skip
def test_a_note_in_another_form_is_refused(change: tuple[str, str]) -> None:
    note = signed()
    assert change[0] in note
    assert notes.parse(note)
    with pytest.raises(BadNote):
        notes.parse(note.replace(*change, 1))


def test_a_note_without_its_last_line_end_is_refused() -> None:
    with pytest.raises(BadNote):
        notes.parse(signed()[:-1])


@pytest.mark.parametrize("name", ["audit.example", "audit.example/bank", "localhost", "audit.example:8443/x"])
def test_a_log_may_be_named_like_a_url_without_its_scheme(name: str) -> None:
    assert notes.log_name_fault(name) is None


@pytest.mark.parametrize(
    "name", ["", "https://audit.example", "a b", "a+b", "a\nb", "/a", "a/", "a//b", "Ä", "a" * 129]
)
def test_other_names_of_logs_are_refused(name: str) -> None:
    assert notes.log_name_fault(name) is not None


def cosigned(time: int, signature_of: str | None = None) -> tuple[list[notes.Signature], VerifierKey]:
    """Return a cosignature of the checkpoint, and the key of it."""
    key = VerifierKey("witness.example/w1", notes.COSIGNATURE, KEY.public_key().public_bytes_raw())
    message = f"cosignature/v1\ntime {time}\n{signature_of or CHECKPOINT.text}".encode()
    return [notes.Signature(key.name, key.id, time.to_bytes(8, "big") + KEY.sign(message))], key


def test_a_cosignature_covers_its_time_and_the_checkpoint() -> None:
    lines, key = cosigned(1_679_315_147)
    assert notes.is_signed(CHECKPOINT.text, lines, key)

    later = notes.Signature(key.name, key.id, (1_679_315_148).to_bytes(8, "big") + lines[0].signature[8:])
    with pytest.raises(BadNote):
        notes.is_signed(CHECKPOINT.text, [later], key)
    with pytest.raises(BadNote):
        notes.is_signed(CHECKPOINT.text, *cosigned(1_679_315_147, "another text\n"))


def test_openssl_verifies_what_was_signed(tmp_path: Path) -> None:
    _, (signature,) = notes.parse(signed())
    # The form of an Ed25519 key (RFC 8410): twelve bytes, then the key.
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + KEY.public_key().public_bytes_raw())
    (tmp_path / "text").write_text(CHECKPOINT.text)
    (tmp_path / "signature").write_bytes(signature.signature)
    command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text -sigfile signature"
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode == 0

    (tmp_path / "text").write_text(CHECKPOINT.text.replace("20852163", "20852164"))
    assert subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False).returncode != 0
