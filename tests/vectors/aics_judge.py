"""Judges test vectors with aics-tlog of PyPI: signatures, cosignatures, roots, prefixes and inclusion.

Runs in a virtual environment of its own, and so imports nothing of this project: `python aics_judge.py FOLDER`. It
knows the file format of a bundle; all hashing of trees and all checking of notes and proofs is aics-tlog's. Prints JSON
as go/judge.go does.
"""

import itertools
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from aics_tlog.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from aics_tlog.hashing import leaf_hash, node_hash
from aics_tlog.note import VKey, b64_decode, key_hash, parse_note, parse_vkey
from aics_tlog.tree import MerkleTree, verify_consistency, verify_inclusion

EMPTY = MerkleTree([])


class Refused(Exception):
    """The judge does not accept the vector; the message says why."""


@dataclass
class Epoch:
    """The subtrees of an epoch in order: (level, hash, the leaf's line or None)."""

    parts: list[tuple[int, bytes, bytes | None]] = field(default_factory=list)
    note: str | None = None

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return sum(1 << level for level, _, _ in self.parts)

    def root(self, size: int) -> bytes:
        """Return the root of the first leaves: MerkleTree's where all lines are shown, else from complete subtrees."""
        first, taken = [], 0
        for part in self.parts:
            if taken < size:
                first.append(part)
                taken += 1 << part[0]
        if taken != size:
            raise Refused(f"{size} leaves end inside what is not shown")
        if all(line is not None for _, _, line in first):
            whole: bytes = MerkleTree([line for _, _, line in first if line is not None]).root()
            return whole
        stack: list[tuple[int, bytes]] = []
        for level, digest, _ in first:
            while stack and stack[-1][0] == level:
                digest, level = node_hash(stack.pop()[1], digest), level + 1
            stack.append((level, digest))
        root = stack.pop()[1]
        while stack:
            root = node_hash(stack.pop()[1], root)
        return root


def opened(text: str, vkeys: list[str], witnesses: list[str], quorum: int) -> tuple[int, Checkpoint]:
    """Return epoch and checkpoint of a note that one of the keys signed, under the name that its origin asks for."""
    try:
        note = parse_note(text)
        checkpoint = parse_checkpoint(note.text)
        wrong = ""
        good = 0
        for given in map(parse_vkey, vkeys):
            number = checkpoint.origin.removeprefix(given.name + "/")
            if checkpoint.origin == given.name:
                epoch = 1
            elif number != checkpoint.origin and re.fullmatch("[2-9]|[1-9][0-9]+", number):
                epoch = int(number)
            else:
                continue
            key = VKey(checkpoint.origin, key_hash(checkpoint.origin, 1, given.public_key), 1, given.public_key)
            result = verify_checkpoint(
                note, key, [parse_vkey(each) for each in witnesses], quorum, expected_origin=checkpoint.origin
            )
            if result.ok:
                good = epoch
            elif "no signature from log key" not in str(result.error):
                wrong = str(result.error)
        if wrong or not good:
            raise Refused(wrong or "no given key signed it")
    except ValueError as error:
        raise Refused(str(error)) from None
    return good, checkpoint


def read_bundle(content: bytes) -> list[Epoch]:
    """Return the epochs of a bundle."""
    epochs: list[Epoch] = []
    for line in content.split(b"\n"):
        if line.startswith(b'{"version":'):
            epochs[-1].parts.append((0, leaf_hash(line), line))
        elif line.startswith(b'{"epoch":'):
            epochs.append(Epoch())
        elif line.startswith(b'{"omitted":'):
            value = json.loads(line)
            epochs[-1].parts.append((value["omitted"].bit_length() - 1, bytes.fromhex(value["hash"]), None))
        elif line.startswith(b'{"checkpoint":'):
            epochs[-1].note = json.loads(line)["checkpoint"]
    return epochs


def judge_bundle(folder: Path, vector: dict[str, list[str]], content: bytes, witnesses: list[str], quorum: int) -> None:
    """Raise Refused unless each checkpoint is signed and its root is that of the leaves, and old ones are prefixes."""
    epochs = read_bundle(content)
    for number, epoch in enumerate(epochs, 1):
        if epoch.note is None:
            continue
        newest = number == len(epochs)
        signed_epoch, signed = opened(epoch.note, vector["keys"], witnesses if newest else [], quorum if newest else 0)
        if signed_epoch != number or signed.size > epoch.size or (newest and signed.size != epoch.size):
            raise Refused(
                f"epoch {number}: {signed.size} leaves of epoch {signed_epoch} are signed, {epoch.size} are here"
            )
        if epoch.root(signed.size) != signed.root if signed.size else signed.root != EMPTY.root():
            raise Refused(f"epoch {number}: another root than is signed")
    for name in vector["since"]:
        number, old = opened((folder / name).read_bytes().decode(), vector["keys"], [], 0)
        if number > len(epochs) or old.size > epochs[number - 1].size:
            raise Refused(f"{name}: {old.size} leaves of epoch {number} were signed")
        check_prefix(epochs[number - 1], old)


def check_prefix(epoch: Epoch, old: Checkpoint) -> None:
    """Make a consistency proof and check it; where lines are not shown, compare the roots."""
    if all(line is not None for _, _, line in epoch.parts):
        tree = MerkleTree([line for _, _, line in epoch.parts if line is not None])
        if not verify_consistency(old.size, epoch.size, old.root, tree.root(), tree.consistency_proof(old.size)):
            raise Refused(f"the first {old.size} leaves are others")
    elif epoch.root(old.size) != old.root:
        raise Refused(f"the first {old.size} leaves are others")


def judge_proof(vector: dict[str, list[str]], proof: str, leaf: bytes, witnesses: list[str], quorum: int) -> None:
    """Raise Refused unless the leaf is in the tree that is signed."""
    head, _, note = proof.partition("\n\n")
    lines = head.split("\n")
    _, signed = opened(note, vector["keys"], witnesses, quorum)
    hashes = [b64_decode(line) for line in lines[2:]]
    digest = leaf_hash(leaf.partition(b"\n")[0])
    if not verify_inclusion(digest, int(lines[1].removeprefix("index ")), signed.size, hashes, signed.root):
        raise Refused("the leaf is not in the tree that is signed")


def judge_rfc6962(known: dict[str, list[str]], inclusion: list[dict[str, int | list[str]]]) -> None:
    """Raise Refused unless the known answers come out."""
    leaves = [bytes.fromhex(each) for each in known["leaves"]]
    for size, root in enumerate(known["roots"]):
        if MerkleTree(leaves[:size]).root().hex() != root:
            raise Refused(f"root of {size}")
    for each in inclusion:
        index, size = int(str(each["index"])), int(str(each["size"]))
        hashes = [bytes.fromhex(str(text)) for text in each["hashes"]]  # type: ignore[union-attr]
        if not verify_inclusion(leaf_hash(leaves[index]), index, size, hashes, bytes.fromhex(known["roots"][size])):
            raise Refused(f"leaf {index} of {size}")


def main(folder: Path) -> None:
    """Judge each vector that names this judge."""
    verdicts = {}
    for vector in json.loads((folder / "vectors.json").read_text()):
        if "aics" not in vector["judges"]:
            continue
        options = vector["options"]
        witnesses = [text for word, text in itertools.pairwise(options) if word == "--witness"]
        quorum = int(options[options.index("--quorum") + 1]) if "--quorum" in options else len(witnesses)
        content = (folder / vector["file"]).read_bytes()
        try:
            if vector["leaf"]:
                judge_proof(vector, content.decode(), (folder / vector["leaf"]).read_bytes(), witnesses, quorum)
            else:
                judge_bundle(folder, vector, content, witnesses, quorum)
            verdicts[vector["name"]] = {"verdict": "pass", "why": ""}
        except Refused as error:
            verdicts[vector["name"]] = {"verdict": "fail", "why": str(error)}
    known = json.loads((folder / "rfc6962.json").read_text())
    try:
        judge_rfc6962(known, known["inclusion"])
        verdicts["rfc6962"] = {"verdict": "pass", "why": ""}
    except Refused as error:
        verdicts["rfc6962"] = {"verdict": "fail", "why": str(error)}
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
