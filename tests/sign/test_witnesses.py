"""Witnesses: what they are asked, what counts as a cosignature, and what their refusal means."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.outside import make_client
from app.sign import notes, witnesses
from app.sign.heads import Head, HeadRefused
from app.sign.notes import Checkpoint, Signature
from app.sign.witnesses import Witness, WitnessEntry
from tests.support import rfc6962
from tests.support.witness import Reply, StubWitness, running_witness

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
LEAVES = tuple(rfc6962.leaf_hash(b"%d" % number) for number in range(40))
FORK = (*LEAVES[:5], LEAVES[0], *LEAVES[6:])
ORIGIN = "ringfence.example/acme"


@pytest.fixture
def stub() -> Iterator[StubWitness]:
    with running_witness() as witness:
        yield witness


def head(size: int, leaves: tuple[bytes, ...] = LEAVES) -> Head:
    return Head("acme", 1, size, rfc6962.root(leaves[:size]), None)


def note(size: int, leaves: tuple[bytes, ...] = LEAVES) -> str:
    text = Checkpoint(ORIGIN, size, head(size, leaves).root).text
    return f"{text}\n{notes.sign(text, ORIGIN, KEY)}"


async def prove(of: Head, old: int) -> Sequence[bytes]:
    leaves = LEAVES if of.root == head(of.size).root else FORK
    return rfc6962.consistency(old, leaves[: of.size])


def ask(stub: StubWitness, *sizes: int, leaves: tuple[bytes, ...] = LEAVES, seconds: float = 5) -> list[str | None]:
    """Ask one new client of the witness for each size in turn; return the lines."""

    async def run() -> list[str | None]:
        async with make_client() as client:
            witness = Witness("w1", WitnessEntry(url=stub.url, vkey=str(stub.vkey)), client)
            return [await witness.cosign(head(n, leaves), note(n, leaves), prove, seconds) for n in sizes]

    return asyncio.run(run())


def no_answer_before(released: threading.Event) -> Callable[[], None]:
    def wait() -> None:
        released.wait(20)

    return wait


def is_cosigned(stub: StubWitness, line: str | None, size: int) -> bool:
    text = Checkpoint(ORIGIN, size, head(size).root).text
    return line is not None and notes.is_signed(text, notes.parse_signatures(line), stub.vkey)


def test_the_first_head_is_sent_as_the_protocol_has_it_and_cosigned(stub: StubWitness) -> None:
    (line,) = ask(stub, 7)

    assert stub.asked == [f"old 0\n\n{note(7)}"]
    assert is_cosigned(stub, line, 7)


def test_the_next_head_is_sent_with_the_proof_from_the_one_before(stub: StubWitness) -> None:
    lines = ask(stub, 7, 12)

    proof = "".join(f"{notes.encode(each)}\n" for each in rfc6962.consistency(7, LEAVES[:12]))
    assert stub.asked[1] == f"old 7\n{proof}\n{note(12)}"
    assert is_cosigned(stub, lines[1], 12)


def test_a_signer_that_has_just_started_is_told_what_the_witness_saw_last(stub: StubWitness) -> None:
    ask(stub, 7)
    (line,) = ask(stub, 12)

    assert [each.split("\n")[0] for each in stub.asked] == ["old 0", "old 0", "old 7"]
    assert is_cosigned(stub, line, 12)


def test_the_same_head_is_cosigned_again(stub: StubWitness) -> None:
    assert is_cosigned(stub, ask(stub, 7, 7)[1], 7)
    assert stub.asked[1] == f"old 7\n\n{note(7)}"


def test_a_witness_that_has_seen_more_than_memory_and_database_refuses_for_both(stub: StubWitness) -> None:
    ask(stub, 12)
    with pytest.raises(
        HeadRefused, match="witness w1 has cosigned 12 leaves, and this memory and the database end at 7"
    ):
        ask(stub, 7)


def test_a_witness_that_has_seen_other_leaves_refuses(stub: StubWitness) -> None:
    ask(stub, 7)
    with pytest.raises(HeadRefused, match="witness w1 has cosigned other leaves than these"):
        ask(stub, 12, leaves=FORK)
    assert stub.seen[ORIGIN].size == 7


def test_a_conflict_without_a_size_is_a_refusal_too(stub: StubWitness) -> None:
    stub.when_asked = lambda: (409, "text/plain", b"another root at this size")
    with pytest.raises(HeadRefused, match="witness w1 has cosigned other leaves than these"):
        ask(stub, 7)


@pytest.mark.parametrize(
    "reply",
    [
        (500, "text/plain", b""), (404, "text/plain", b""), (403, "text/plain", b""), (302, "text/plain", b""),
        (200, "text/plain", b""), (200, "text/plain", b"\xff"), (200, "text/plain", b"nonsense\n"),
        (200, "text/plain", b"x" * 100_000), (409, "text/x.tlog.size", b"7"), (409, "text/x.tlog.size", b"07\n"),
        (409, "text/x.tlog.size", b"-7\n"), (409, "text/x.tlog.size", b"9" * 30 + b"\n"),
    ],
)  # fmt: skip
def test_another_answer_is_no_cosignature_and_no_refusal(stub: StubWitness, reply: Reply) -> None:
    stub.when_asked = lambda: reply
    assert ask(stub, 7) == [None]


def test_a_cosignature_of_another_key_does_not_count(stub: StubWitness) -> None:
    other = StubWitness(stub.name)
    text = Checkpoint(ORIGIN, 7, head(7).root).text
    stub.when_asked = lambda: (200, "text/plain", str(other.cosignature(text)).encode())
    assert ask(stub, 7) == [None]


def test_a_cosignature_of_another_checkpoint_does_not_count(stub: StubWitness) -> None:
    text = Checkpoint(ORIGIN, 8, head(8).root).text
    stub.when_asked = lambda: (200, "text/plain", str(stub.cosignature(text)).encode())
    assert ask(stub, 7) == [None]


def test_a_line_of_an_unknown_key_beside_the_cosignature_is_left_out(stub: StubWitness) -> None:
    text = Checkpoint(ORIGIN, 7, head(7).root).text
    lines = f"{Signature('else.example', bytes(4), bytes(72))}{stub.cosignature(text)}"
    stub.when_asked = lambda: (200, "text/plain", lines.encode())
    (line,) = ask(stub, 7)
    assert line is not None
    assert line.count("\n") == 1
    assert is_cosigned(stub, line, 7)


def test_a_cosignature_from_the_future_does_not_count(stub: StubWitness) -> None:
    stub.clock = 3600
    assert ask(stub, 7) == [None]


def test_a_witness_that_does_not_answer_delays_one_head_and_not_the_next(stub: StubWitness) -> None:
    released = threading.Event()
    stub.when_asked = no_answer_before(released)
    try:
        started = time.monotonic()
        assert ask(stub, 7, 8, 9, seconds=0.5) == [None, None, None]
        assert time.monotonic() - started < 5
        assert len(stub.asked) == 1
    finally:
        released.set()


def test_the_others_are_asked_beside_one_that_does_not_answer(stub: StubWitness) -> None:
    released = threading.Event()
    with running_witness("witness.example/w2") as away:
        away.when_asked = no_answer_before(released)

        async def run() -> list[str]:
            async with make_client() as client:
                asked = [
                    Witness(each.name, WitnessEntry(url=each.url, vkey=str(each.vkey)), client) for each in (away, stub)
                ]
                return await witnesses.cosign_all(asked, head(7), note(7), prove, 0.5)

        try:
            (line,) = asyncio.run(run())
            assert is_cosigned(stub, line, 7)
        finally:
            released.set()


def test_the_file_names_witnesses(stub: StubWitness, tmp_path: Path) -> None:
    found = witnesses.load(stub.file(tmp_path / "witnesses.toml"))
    assert found == {"w1": WitnessEntry(url=stub.url, vkey=str(stub.vkey))}
    assert witnesses.load(None) == {}


VKEY = StubWitness("witness.example/w1").vkey
LOG_KEY = notes.key_of("ringfence.example/acme", KEY)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "witnesses.toml"),
        ("[others.w1]\n", r"wants tables \[witnesses.NAME\] and nothing else"),
        ("[witnesses.w1]\n", "witness w1: url"),
        (
            f'[witnesses.w1]\nurl = "http://witness.example"\nvkey = "{VKEY}"\n',
            "witness w1: url: http without encryption",
        ),
        (
            f'[witnesses.w1]\nurl = "https://a:b@witness.example"\nvkey = "{VKEY}"\n',
            "witness w1: url: a URL with a user",
        ),
        (
            f'[witnesses.w1]\nurl = "https://witness.example"\nvkey = "{LOG_KEY}"\n',
            "witness w1: vkey: the key of a log",
        ),
        ('[witnesses.w1]\nurl = "https://witness.example"\nvkey = "x"\n', "witness w1: vkey: not a vkey"),
        (f'[witnesses.w1]\nurl = "https://witness.example"\nvkey = "{VKEY}"\nmore = 1\n', "witness w1: more"),
        (
            "".join(f'[witnesses.w{n}]\nurl = "https://w{n}.example"\nvkey = "{VKEY}"\n' for n in (1, 2)),
            "one witness stands there twice",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "witnesses.toml").write_text(text)
    with pytest.raises(ValueError, match=why):
        witnesses.load(tmp_path / "witnesses.toml")
