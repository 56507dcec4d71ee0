"""Check an evidence bundle of Ringfence offline: what was sealed, and that nothing of it was changed or left out.

    python ringfence_verify.py BUNDLE --key VKEY [--key VKEY ...] [--since OLD_CHECKPOINT ...] [--window]
                               [--allow-gone] [--witness VKEY ... [--quorum N]] [--json]
    python ringfence_verify.py --proof PROOF --leaf LEAF --key VKEY      one record alone

This one file can be copied to a machine that has Python 3.11 and the package cryptography; it imports nothing of
Ringfence and opens no connection. That is why it is longer than other files of the project. It prints one claim a line
(PASS, FAIL, NOT CHECKED), and what they do not prove. Exit status: 0 when all that was asked for holds, 1 when a claim
fails, 2 when it cannot be judged. It reads the file twice, and holds 16 bytes for each record and a range for each gap.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import bisect
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MAX_LINE = 4 << 20
MAX_SIGNATURES = 100
EMPTY_ROOT = hashlib.sha256(b"").digest()
LOG_KEY, WITNESS_KEY = 1, 4  # the first byte of a key: C2SP signed-note and tlog-cosignature

BUNDLE_CLAIMS = (
    "file", "tenant", "signature", "root", "private", "gone", "ids", "epochs", "times", "window", "since", "witnesses",
)  # fmt: skip
PROOF_CLAIMS = ("file", "tenant", "signature", "inclusion", "private", "times", "witnesses")

NOT_PROVEN = (
    "that what was written is true: a record says what its writer said",
    "that everything was written: what was never sent, or refused, is not in the tree",
    "what happened to a record before it was sealed",
    "what came after the newest checkpoint: records may have been sealed since, or wait for it",
    "that this is the newest checkpoint, or the only one: compare it with one kept outside, and ask for witnesses",
    "that the key is the log's: it must have come on another way than this file",
    "that what has gone was meant to go: a statement of prune or erase is the word of whoever runs the database",
    "when records were written: times are the database's own clock, and created_at of an import is its writer's",
)
NOT_PROVEN_WINDOW = (
    "that no record of the window lies among the leaves that are not shown: leaves are in the order of commits"
)
NOT_PROVEN_UNKNOWN = (
    "that nothing signed was lost where an epoch began without a known head: compare with a checkpoint from before"
)
NOT_PROVEN_RECORD = "that other records exist or do not: this is about one record, and not about completeness"

# The lines, to the byte. One spelling for one meaning: whatever else JSON allows is refused.
_TEXT = r'"[^"\\\x00-\x1f]*(?:\\(?:["\\bfnrt]|u00(?:0[1-7be-f]|1[0-9a-f]))[^"\\\x00-\x1f]*)*"'
_WHOLE = r"(?:0|[1-9][0-9]{0,18})"
_HASH = r"[0-9a-f]{64}"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_RANGE = rf"\[{_WHOLE},{_WHOLE}\]"
_RANGES = rf"\[{_RANGE}(?:,{_RANGE})*\]"


def _line(**fields: str) -> re.Pattern[str]:
    """Return the pattern of a line of JSON with these fields, in this order."""
    return re.compile(r"\{" + ",".join(f'"{name}":{pattern}' for name, pattern in fields.items()) + r"\}", re.DOTALL)


def _or_null(pattern: str) -> str:
    return f"(?:{pattern}|null)"


HEADER = _line(
    evidence="1", tenant_id=f"({_TEXT})", created_at=f"({_TEXT})", epochs=rf"\[({_WHOLE}(?:,{_WHOLE})*)\]",
    window=rf'(null|\{{"start_time":{_or_null(_TEXT)},"end_time":{_or_null(_TEXT)}\}})',
)  # fmt: skip
EPOCH = _line(epoch=f"({_WHOLE})", size=f"({_WHOLE})")
OMITTED = _line(omitted=f"({_WHOLE})", hash=f'"({_HASH})"')
CHECKPOINT = _line(checkpoint=f"({_TEXT}|null)")
COMPLETE = _line(complete="true", records=f"({_WHOLE})")
RECORD = _line(
    version="1", kind='"record"', tenant_id=f"({_TEXT})", id=f'"({_UUID})"', trace_id=_or_null(_TEXT), agent_id=_TEXT,
    mode=_or_null(_TEXT), status=_or_null(_TEXT), http_status=_or_null(_WHOLE), latency_ms=_or_null(_WHOLE),
    created_at=f"({_TEXT})", recorded_at=f"({_TEXT}|null)", api_key_id=_or_null(_TEXT), private_sha256=f'"({_HASH})"',
)  # fmt: skip
PRIVATE = _line(salt=f'"{_HASH}"', user_id=_or_null(_TEXT), error=_or_null(_TEXT), context=_or_null(_TEXT))
EPOCH_STATEMENT = _line(
    version="1", kind='"epoch"', tenant_id=f"({_TEXT})", epoch=f"({_WHOLE})", previous_epoch=f"({_WHOLE})",
    previous_size=f"({_WHOLE})", previous_root=f'"({_HASH})"', known_size=f"({_WHOLE}|null)",
    known_root=f'(?:"({_HASH})"|null)', reason='"(restore|failover)"', began_at=f"({_TEXT})",
)  # fmt: skip
PRUNE_STATEMENT = _line(
    version="1", kind='"prune"', tenant_id=f"({_TEXT})", epoch=f"({_WHOLE})", leaves=f"({_RANGES})",
    mode='(?:"(DRY_RUN|LIVE)"|null)', keep_days="([1-9][0-9]{0,4})", first_created_at=f"({_TEXT})",
    last_created_at=f"({_TEXT})", at=f"({_TEXT})",
)  # fmt: skip
ERASE_STATEMENT = _line(
    version="1", kind='"erase"', tenant_id=f"({_TEXT})", epoch=f"({_WHOLE})", leaves=f"({_RANGES})", at=f"({_TEXT})",
)  # fmt: skip
TIME = re.compile(r'"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}\.[0-9]{6}Z"')
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
PATTERNS = {
    "evidence": HEADER, "epoch": EPOCH, "omitted": OMITTED, "checkpoint": CHECKPOINT, "complete": COMPLETE,
    "salt": PRIVATE, "record": RECORD, "epoch statement": EPOCH_STATEMENT, "prune statement": PRUNE_STATEMENT,
    "erase statement": ERASE_STATEMENT,
}  # fmt: skip


def is_time(text: str) -> bool:
    """Return whether JSON text is a time in UTC with six digits, of a day that the calendar has."""
    try:
        return TIME.fullmatch(text) is not None and bool(datetime.fromisoformat(text[1:-2]))
    except ValueError:
        return False


class Malformed(Exception):
    """The file is not in the format; the message says where and why. The claim `file` fails."""


class CannotJudge(Exception):
    """Nothing can be said: a file that cannot be read, a format that this verifier does not know, a wrong key text."""


@dataclass(frozen=True)
class Term:
    """The rule of a prune: records of this mode, None: without one, are kept so many days."""

    mode: str | None
    keep_days: int

    def __str__(self) -> str:
        """Return the rule in words."""
        days = "1 day" if self.keep_days == 1 else f"{self.keep_days} days"
        return f"under the term of {days} for {self.mode or 'records without a mode'}"


@dataclass(frozen=True)
class Statement:
    """A statement that leaves are gone: where it stands, when they went, and of a prune by which term, and of when."""

    kind: str
    at_epoch: int
    at_leaf: int
    at: str
    term: Term | None = None
    first_created_at: str = ""
    last_created_at: str = ""

    def contradiction(self) -> str | None:
        """Return in what the statement of a prune contradicts itself: it may only name records whose term had ended."""
        times = [f'"{each}"' for each in (self.first_created_at, self.last_created_at, self.at)]
        if self.term is None or not all(map(is_time, times)):
            return None
        if self.first_created_at > self.last_created_at:
            return "has its first record behind its last"
        age = datetime.fromisoformat(self.at) - datetime.fromisoformat(self.last_created_at)
        if age > timedelta(days=self.term.keep_days):
            return None
        return f"prunes a record of {self.last_created_at} at {self.at}, {self.term}"


def on_days(first: str | None, last: str | None) -> str:
    """Return a day, or the first and the last day."""
    first, last = (first or "")[:10], (last or "")[:10]
    return f"on {first}" if first == last else f"from {first} to {last}"


@dataclass
class GoneOfKind:
    """What was pruned, or erased: how many leaves, and when, by the statements that name them; and by which terms.

    terms: the first and the last time at which records were created that went by a term.
    """

    leaves: int = 0
    statements: int = 0
    first_at: str | None = None
    last_at: str | None = None
    terms: dict[Term, tuple[str, str]] = field(default_factory=dict)

    def add(self, leaves: int, said: Iterable[Statement]) -> None:
        """Add leaves that have gone, and the statements that name them."""
        self.leaves += leaves
        for each in said:
            self.statements += 1
            self.first_at = min(each.at, self.first_at or each.at)
            self.last_at = max(each.at, self.last_at or each.at)
            if each.term is not None:
                first, last = self.terms.get(each.term, (each.first_created_at, each.last_created_at))
                self.terms[each.term] = min(first, each.first_created_at), max(last, each.last_created_at)

    def found(self, one: str, more: str) -> str:
        """Return in words how many went, when, and by which terms; the first five of those."""
        terms = [f"created {on_days(*times)}, {term}" for term, times in self.terms.items()]
        if len(terms) > 5:
            terms[5:] = [f"and {len(terms) - 5} more terms"]
        by = f" ({'; '.join(terms)})" if terms else ""
        return f"{self.leaves} {one if self.leaves == 1 else more} {on_days(self.first_at, self.last_at)}{by}"

    def as_json(self) -> dict[str, Any]:
        """Return all of it for a program."""
        return {
            "leaves": self.leaves, "statements": self.statements, "first_at": self.first_at, "last_at": self.last_at,
            "terms": [
                asdict(term) | {"first_created_at": first, "last_created_at": last}
                for term, (first, last) in self.terms.items()
            ],
        }  # fmt: skip


class Report:
    """What was found, claim by claim. A failed claim stays failed."""

    def __init__(self, claims: tuple[str, ...]) -> None:
        self.claims = claims
        self.failures: dict[str, list[str]] = {}
        self.passed: dict[str, str] = {}
        self.unchecked: dict[str, str] = {}
        self.unjudged = False
        self.not_proven = list(NOT_PROVEN)
        self.gone: dict[str, GoneOfKind] = {}

    def fail(self, claim: str, found: str) -> None:
        """Record a failure; of many of one claim, the first five are kept, and their number."""
        self.failures.setdefault(claim, []).append(found if len(self.failures.get(claim, ())) < 5 else "")

    def cannot_check(self, claim: str, found: str) -> None:
        """Record that what was asked for cannot be checked with this file: exit status 2, unless a claim fails."""
        self.unchecked[claim] = found
        self.unjudged = True

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Yield (state, claim, what was found) of each claim, in order."""
        for claim in self.claims:
            if claim in self.failures:
                found = self.failures[claim]
                more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
                yield "FAIL", claim, "; ".join(found[:5]) + more
            elif claim in self.unchecked or claim not in self.passed:
                yield "NOT CHECKED", claim, self.unchecked.get(claim, "the file could not be read to its end")
            else:
                yield "PASS", claim, self.passed[claim]

    def status(self) -> int:
        """Return the exit status."""
        return 1 if self.failures else 2 if self.unjudged else 0


# Keys, notes and checkpoints (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature)


def decode_base64(text: str) -> bytes:
    """Return the bytes of canonical base64: padded, and without bits that do not count."""
    try:
        decoded = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("base64 that is not canonical") from None
    if base64.b64encode(decoded).decode() != text:
        raise ValueError("base64 that is not canonical")
    return decoded


def is_key_name(name: str) -> bool:
    """Return whether a name may stand in a signed note: no spaces, no plus sign, no control characters."""
    return name != "" and not any(each.isspace() or each == "+" or each < " " for each in name)


@dataclass(frozen=True)
class Key:
    """A public key with the name that it signs under. For a log: the origin of epoch 1."""

    name: str
    kind: int
    public: bytes

    def id_for(self, name: str) -> bytes:
        """Return the four bytes that name this key on a signature line."""
        return hashlib.sha256(name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether the signature is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def epoch_of(self, origin: str) -> int | None:
        """Return the epoch whose origin this is under the key's name: NAME is the first, NAME/2 the second."""
        if origin == self.name:
            return 1
        number = origin.removeprefix(self.name + "/")
        return int(number) if number != origin and re.fullmatch("[1-9][0-9]{0,8}", number) and number != "1" else None


def read_key(text: str, kind: int) -> Key:
    """Return the key that a VKEY spells: NAME+ID+BASE64."""
    try:
        text.encode()
    except UnicodeEncodeError:  # an argument whose bytes are not UTF-8
        raise CannotJudge("the key is not UTF-8") from None
    name, _, rest = text.strip().partition("+")
    number, _, encoded = rest.partition("+")
    try:
        decoded = decode_base64(encoded)
    except ValueError as error:
        raise CannotJudge(f"the key {name} has {error}") from None
    if len(decoded) != 33 or not is_key_name(name) or not re.fullmatch("[0-9a-f]{8}", number):
        raise CannotJudge("a key is written NAME+ID+BASE64, as `app.sign vkey` prints it")
    if decoded[0] != kind:
        wanted = "a log's (its first byte is 1)" if kind == LOG_KEY else "a witness's (its first byte is 4)"
        raise CannotJudge(f"the key {name} is not {wanted}")
    key = Key(name, kind, decoded[1:])
    if key.id_for(name).hex() != number:
        raise CannotJudge(f"the key {name} is misspelled: its id is {key.id_for(name).hex()}, not {number}")
    return key


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read, and not yet verified."""

    text: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]  # name, key id, signature


def read_checkpoint(note: str) -> Checkpoint:
    """Return the checkpoint of a signed note; ValueError says in what it departs from the format."""
    if any(each < " " and each != "\n" for each in note):
        raise ValueError("a control character in the note" if "\r" not in note else "a carriage return in the note")
    text, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise ValueError("a note without signature lines, or without its last line end")
    signatures = []
    for line in block[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not is_key_name(parts[1]):
            raise ValueError("a signature line that is not one")
        try:
            decoded = decode_base64(parts[2])
        except ValueError as error:
            raise ValueError(f"a signature line with {error}") from None
        if len(decoded) < 5:
            raise ValueError("a signature line that is too short")
        signatures.append((parts[1], decoded[:4], decoded[4:]))
    if len(signatures) > MAX_SIGNATURES:
        raise ValueError("too many signature lines")
    lines = text.split("\n")
    if len(lines) != 3 or not is_key_name(lines[0]) or not re.fullmatch(_WHOLE, lines[1]):
        raise ValueError("a note that is not origin, size and root")
    try:
        root = decode_base64(lines[2])
    except ValueError as error:
        raise ValueError(f"a root with {error}") from None
    if len(root) != 32:
        raise ValueError("a root that is not 32 bytes")
    return Checkpoint(text + "\n", lines[0], int(lines[1]), root, tuple(signatures))


def signing_key(checkpoint: Checkpoint, keys: list[Key]) -> tuple[Key, int]:
    """Return the given key that signed the checkpoint, and its epoch; ValueError says why there is none.

    A signature of a given key that is wrong refuses the note, also beside a good one (c2sp.org/signed-note).
    """
    named = [(key, epoch) for key in keys if (epoch := key.epoch_of(checkpoint.origin)) is not None]
    if not named:
        raise ValueError(f"the origin {checkpoint.origin} is not that of a given key")
    found = None
    for key, epoch in named:
        lines = [
            s for name, key_id, s in checkpoint.signatures if (name, key_id) == (checkpoint.origin, key.id_for(name))
        ]
        if len(lines) > 1:
            raise ValueError(f"two signature lines of one key under {checkpoint.origin}")
        for signature in lines:
            if not key.verifies(signature, checkpoint.text.encode()):
                raise ValueError(
                    f"the signature under {checkpoint.origin} is not valid for the text of size {checkpoint.size}"
                )
            found = key, epoch
    if found is None:
        raise ValueError(f"no signature of a given key under {checkpoint.origin}")
    return found


def check_witnesses(report: Report, checkpoint: Checkpoint, witnesses: list[Key], quorum: int) -> None:
    """Check the cosignatures of a checkpoint. One public key counts once, whatever it is called."""
    if not witnesses:
        report.unchecked["witnesses"] = "no witness was named"
        return
    counted: dict[bytes, str] = {}
    for key in witnesses:
        for signature in [
            s for name, key_id, s in checkpoint.signatures if (name, key_id) == (key.name, key.id_for(name))
        ]:
            seconds = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{checkpoint.text}".encode()
            if len(signature) != 72 or not key.verifies(signature[8:], message):
                report.fail("witnesses", f"the cosignature of {key.name} is not valid")
            elif key.public not in counted:
                counted[key.public] = f"{key.name} at {seconds} s"
    found = f"{len(counted)} of {len(witnesses)} witnesses cosigned size {checkpoint.size}, {quorum} needed"
    if len(counted) < quorum:
        report.fail("witnesses", found)
    report.passed["witnesses"] = f"{found}: {', '.join(counted.values())}"


# The tree (RFC 6962)


class Tree:
    """The root of a tree whose leaves come one by one; holds one hash for each complete subtree."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[tuple[int, bytes]] = []

    def add(self, node: bytes, level: int = 0) -> None:
        """Append the complete subtree of 2^level leaves whose hash is `node`."""
        stack = self._stack
        self.size += 1 << level
        while stack and stack[-1][0] == level:
            node = hashlib.sha256(b"\x01" + stack.pop()[1] + node).digest()
            level += 1
        stack.append((level, node))

    def root(self) -> bytes:
        """Return the root of what was appended."""
        if not self._stack:
            return EMPTY_ROOT
        root = self._stack[-1][1]
        for _, node in reversed(self._stack[:-1]):
            root = hashlib.sha256(b"\x01" + node + root).digest()
        return root


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + line).digest()


def root_of_proof(leaf: bytes, index: int, size: int, hashes: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    last, node = size - 1, leaf
    for each in hashes:
        if last == 0:
            raise ValueError("the proof has too many hashes")
        if index & 1 or index == last:
            node = hashlib.sha256(b"\x01" + each + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + each).digest()
        index, last = index >> 1, last >> 1
    if last:
        raise ValueError("the proof has too few hashes")
    return node


# Lines


def why_refused(line: str, wanted: str) -> str:
    """Return why a line is not in the format, in the terms of JSON."""
    if "\ufeff" in line[:1]:
        return "a byte order mark"
    if line.endswith("\r"):
        return "a carriage return at the end of the line"

    def one_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the name {name} stands twice")
            seen.add(name)
        return dict(pairs)

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        value = json.loads(line, object_pairs_hook=one_of_each, parse_constant=refuse)
    except json.JSONDecodeError as error:
        return f"not JSON ({error.msg})"
    except (ValueError, RecursionError) as error:
        return str(error)
    if not isinstance(value, dict):
        return "not a JSON object"
    if "version" in value and value["version"] != 1:
        raise CannotJudge(f"a leaf of version {value['version']!r}: this verifier knows version 1")
    if "version" in value and value.get("kind") not in ("record", "epoch", "prune", "erase"):
        return f"an unknown kind of leaf: {value.get('kind')!r}"
    first = next(iter(value), "")
    kind = str(value.get("kind"))
    pattern = PATTERNS.get(first if first != "version" else kind if kind == "record" else f"{kind} statement")
    if pattern is None:
        return "a line of no known kind"
    names = re.findall(r'[{,]"(\w+)":', pattern.pattern.replace("\\", ""))
    if [name for name in value if name not in names]:
        return f"an unknown field: {next(name for name in value if name not in names)}"
    if list(value) != [name for name in names if name in value] and first != "evidence":
        return "fields in another order than the format's"
    if pattern.fullmatch(line):
        return f"{wanted} was expected here"
    return "fields, or a spelling of them, that the format does not have (spaces, escapes, numbers, nulls)"


class Lines:
    """The lines of a file: numbered, decoded, and with their end checked."""

    def __init__(self, file: BinaryIO) -> None:
        self.number = 0
        self.ended = False
        self._file = file

    def next(self) -> tuple[bytes, str]:
        """Return the next line as bytes and as text, without its end; ("", "") at the end of the file."""
        raw = self._file.readline(MAX_LINE)
        self.number += 1
        if not raw:
            self.ended = True
            return b"", ""
        if raw[-1:] != b"\n":
            self.refuse("a line that is too long" if len(raw) == MAX_LINE else "no line end at the end of the file")
        try:
            return raw[:-1], raw[:-1].decode()
        except UnicodeDecodeError:
            self.refuse("not UTF-8")

    def refuse(self, why: str) -> NoReturn:
        """Refuse the file at this line."""
        raise Malformed(f"line {self.number}: {why}")

    def expect(self, pattern: re.Pattern[str], line: str, wanted: str) -> re.Match[str]:
        """Return the match of a line, or refuse the file."""
        match = pattern.fullmatch(line)
        if match is None:
            self.refuse(f"the file ends; {wanted} was expected" if self.ended else why_refused(line, wanted))
        return match


@dataclass
class Epoch:
    """What was found of one epoch's tree."""

    number: int
    size: int
    wanted: set[int]
    tree: Tree = field(default_factory=Tree)
    roots: dict[int, bytes] = field(default_factory=dict)  # of the wanted sizes
    checkpoint: Checkpoint | None = None
    signed: bool = False
    records: int = 0
    shown: tuple[int, int] | None = None  # from the first record's leaf to behind the last one's
    omitted: list[tuple[int, int]] = field(default_factory=list)
    erased: list[tuple[int, int]] = field(default_factory=list)
    statement: re.Match[str] | None = None  # leaf 0, of epochs after the first

    def add(self, node: bytes, level: int = 0) -> None:
        """Append a leaf or an omitted subtree, and keep the root when its size is wanted."""
        self.tree.add(node, level)
        if self.tree.size in self.wanted:
            self.roots[self.tree.size] = self.tree.root()


@dataclass(frozen=True)
class Gone:
    """A range of leaves of an epoch that a statement says are gone."""

    epoch: int
    first: int
    end: int
    said: Statement


def join_range(ranges: list[tuple[int, int]], first: int, end: int) -> None:
    """Append a range; neighbours become one, so that memory is for gaps and not for leaves."""
    if ranges and ranges[-1][1] == first:
        ranges[-1] = (ranges[-1][0], end)
    else:
        ranges.append((first, end))


def united(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges in order, those that touch or overlap as one."""
    joined: list[tuple[int, int]] = []
    for first, end in sorted(ranges):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return joined


def touch(ranges: list[tuple[int, int]], first: int, end: int) -> bool:
    """Return whether one of these ranges, which are in order, has an element of this one."""
    found = bisect.bisect_left(ranges, (end, 0))
    return found > 0 and ranges[found - 1][1] > first


def statements_of(gone: list[Gone], missing: list[tuple[int, int]]) -> Iterable[Statement]:
    """Return each statement that names some of what is missing, once."""
    return dict.fromkeys(each.said for each in gone if touch(missing, each.first, each.end))


class Bundle:
    """Reads an evidence bundle and judges it."""

    def __init__(
        self, file: BinaryIO, keys: list[Key], since: list[tuple[str, str]], window: bool, allow_gone: bool
    ) -> None:
        self.report = Report(BUNDLE_CLAIMS)
        self.fail = self.report.fail
        self.keys = keys
        self.window_wanted = window
        self.gone_allowed = allow_gone
        self.windowed = False
        self.tenant = ""
        self.epochs: list[Epoch] = []
        self.gone: list[Gone] = []
        self.leaves = 0
        self.records = 0
        self.since = self._read_since(since)
        self.wanted = self._wanted_sizes(file)
        file.seek(0)
        self.lines = Lines(file)
        # By the last byte of an id, which is random in every version of UUID: the buckets stay of one size.
        self._ids = [bytearray() for _ in range(256)]

    def _read_since(self, notes: list[tuple[str, str]]) -> list[tuple[str, Checkpoint, int]]:
        """Return (file name, checkpoint, epoch) of each old checkpoint that a given key signed."""
        found = []
        for name, note in notes:
            try:
                checkpoint = read_checkpoint(note)
                found.append((name, checkpoint, signing_key(checkpoint, self.keys)[1]))
            except ValueError as error:
                self.fail("since", f"{name}: {error}")
        return found

    def _wanted_sizes(self, file: BinaryIO) -> dict[int, set[int]]:
        """Return the sizes of each epoch whose roots will be compared; they stand behind the leaves that give them."""
        wanted: dict[int, set[int]] = {}
        for _, checkpoint, epoch in self.since:
            wanted.setdefault(epoch, set()).add(checkpoint.size)
        epoch = 0
        while raw := file.readline(MAX_LINE):
            if raw.startswith(b'{"epoch":') and (match := re.match(rb'\{"epoch":([0-9]{1,9}),"size"', raw)):
                epoch = int(match[1])
            elif raw.startswith(b'{"checkpoint":"') and (
                match := re.match(rb'\{"checkpoint":"[^\\]*\\n([0-9]{1,18})\\n', raw)
            ):
                wanted.setdefault(epoch, set()).add(int(match[1]))
            elif raw.startswith(b'{"version":1,"kind":"epoch"'):
                statement = EPOCH_STATEMENT.fullmatch(raw[:-1].decode(errors="replace"))
                if statement and statement[6] != "null":
                    wanted.setdefault(int(statement[3]), set()).add(int(statement[6]))
        return wanted

    def judge(self, witnesses: list[Key], quorum: int) -> Report:
        """Read the file and check every claim."""
        try:
            self._read()
        except Malformed as error:
            self.fail("file", str(error))
            self.report.passed.clear()
            return self.report
        self.report.passed["file"] = (
            f"complete, {self.records} records in {self.leaves} leaves of {len(self.epochs)} "
            f"epoch{'s' if len(self.epochs) > 1 else ''}"
        )
        self.report.passed["tenant"] = f"header, origins and every leaf say {self.tenant}"
        self.report.passed["private"] = "each private line that is shown has the digest in its leaf"
        self.report.passed["times"] = "each time is UTC to the microsecond, and exists"
        self._check_signatures()
        self._check_roots()
        self._check_epochs()
        self._check_cover()
        self._check_gone()
        self._check_ids()
        self._check_window()
        self._check_since()
        newest = self.epochs[-1].checkpoint
        if newest is not None:
            check_witnesses(self.report, newest, witnesses, quorum)
        elif witnesses:
            self.fail("witnesses", "the newest epoch has no checkpoint")
        else:
            self.report.unchecked["witnesses"] = "no witness was named"
        return self.report

    # Reading

    def _read(self) -> None:
        lines = self.lines
        _, line = lines.next()
        if not line.removeprefix("\ufeff").startswith('{"evidence":'):
            raise CannotJudge("the file does not begin as an evidence bundle does")
        if re.match(r'\{"evidence":(?!1,)', line):
            raise CannotJudge("the bundle is of another format than 1: a newer verifier may know it")
        header = lines.expect(HEADER, line, "a header")
        self.tenant = json.loads(header[1])
        if not TENANT.fullmatch(self.tenant):
            lines.refuse("the header's tenant_id is not one")
        self._check_time(header[2])
        self.windowed = header[4] != "null"
        for bound in re.findall(rf":({_TEXT})", header[4]):
            self._check_time(bound)
        numbers = [int(number) for number in header[3].split(",")]
        for number in numbers:
            self._read_epoch(number)
        if numbers != list(range(1, len(numbers) + 1)):
            self.fail("epochs", f"the file has the epochs {header[3]}, and not all from 1 on")
        complete = lines.expect(COMPLETE, lines.next()[1], "the line that says the file is complete")
        if int(complete[1]) != self.records:
            lines.refuse(f"the file says {complete[1]} records and has {self.records}")
        lines.next()
        if not lines.ended:
            lines.refuse("data after the last line")

    def _read_epoch(self, number: int) -> None:
        lines = self.lines
        match = lines.expect(EPOCH, lines.next()[1], f"the line of epoch {number}")
        if int(match[1]) != number:
            lines.refuse(f"epoch {match[1]}, where the header has {number}")
        epoch = Epoch(number, int(match[2]), self.wanted.get(number, set()))
        epoch.roots[0] = EMPTY_ROOT
        self.epochs.append(epoch)
        raw, line = lines.next()
        while epoch.tree.size < epoch.size:
            raw, line = self._read_leaf(epoch, raw, line)
        epoch.roots[epoch.size] = epoch.tree.root()
        self.leaves += epoch.size
        note = lines.expect(CHECKPOINT, line, f"the checkpoint of epoch {number} (its {epoch.size} leaves were read)")
        if note[1] != "null":
            try:
                epoch.checkpoint = read_checkpoint(json.loads(note[1]))
            except ValueError as error:
                self.fail("signature", f"epoch {number}: {error}")

    def _read_leaf(self, epoch: Epoch, raw: bytes, line: str) -> tuple[bytes, str]:
        """Read one leaf, or one omitted subtree; return the line after it."""
        lines = self.lines
        index = epoch.tree.size
        record = RECORD.fullmatch(line)
        if record is None:
            self._read_other(epoch, raw, line)
            return lines.next()
        epoch.add(leaf_hash(raw))
        epoch.records += 1
        epoch.shown = (epoch.shown[0] if epoch.shown else index, index + 1)
        self.records += 1
        if record[1] != f'"{self.tenant}"':
            self.fail("tenant", f"leaf {index} of epoch {epoch.number} is of tenant {json.loads(record[1])}")
        id_bytes = bytes.fromhex(record[2].replace("-", ""))
        self._ids[id_bytes[15]].extend(id_bytes)
        self._check_time(record[3])
        if record[4] != "null":
            self._check_time(record[4])
        raw, line = lines.next()
        if not line.startswith('{"salt":'):
            join_range(epoch.erased, index, index + 1)
            return raw, line
        lines.expect(PRIVATE, line, "a private line")
        if hashlib.sha256(raw).hexdigest() != record[5]:
            self.fail("private", f"the private line of {record[2]} has another digest than its leaf says")
        return lines.next()

    def _read_other(self, epoch: Epoch, raw: bytes, line: str) -> None:
        lines = self.lines
        index = epoch.tree.size
        if omitted := OMITTED.fullmatch(line):
            count = int(omitted[1])
            if count == 0 or count & (count - 1) or index % count or index + count > epoch.size:
                lines.refuse(f"{count} omitted leaves at {index} are not an aligned complete subtree of this tree")
            join_range(epoch.omitted, index, index + count)
            epoch.add(bytes.fromhex(omitted[2]), count.bit_length() - 1)
            return
        if statement := EPOCH_STATEMENT.fullmatch(line):
            if index or int(statement[2]) != epoch.number or epoch.number == 1:
                self.fail("epochs", f"leaf {index} of epoch {epoch.number} says that epoch {statement[2]} begins")
            else:
                epoch.statement = statement
            tenant, time = statement[1], statement[9]
        elif statement := PRUNE_STATEMENT.fullmatch(line):
            tenant, time = statement[1], statement[8]
            for text in statement[6], statement[7]:
                self._check_time(text)
            term = Term(statement[4], int(statement[5]))
            created = (statement[6][1:-1], statement[7][1:-1])
            said = Statement("prune", epoch.number, index, time[1:-1], term, *created)
            if contradiction := said.contradiction():
                self.fail("gone", f"leaf {index} of epoch {epoch.number} {contradiction}")
            self._read_ranges(int(statement[2]), statement[3], said)
        elif statement := ERASE_STATEMENT.fullmatch(line):
            tenant, time = statement[1], statement[4]
            said = Statement("erase", epoch.number, index, time[1:-1])
            self._read_ranges(int(statement[2]), statement[3], said)
        else:
            what = f"leaf {index} of epoch {epoch.number}"
            lines.refuse(f"the file ends; {what} was expected" if lines.ended else why_refused(line, what))
        if tenant != f'"{self.tenant}"':
            self.fail("tenant", f"leaf {index} of epoch {epoch.number} is of tenant {json.loads(tenant)}")
        self._check_time(time)
        epoch.add(leaf_hash(raw))

    def _read_ranges(self, epoch: int, ranges: str, said: Statement) -> None:
        end = 0
        for first_text, end_text in re.findall(r"([0-9]+),([0-9]+)", ranges):
            first, previous, end = int(first_text), end, int(end_text)
            if not previous <= first < end:
                self.lines.refuse("ranges of leaves that are empty, or not in order")
            self.gone.append(Gone(epoch, first, end, said))

    def _check_time(self, text: str) -> None:
        if not is_time(text):
            self.fail("times", f"line {self.lines.number}: {text} is not a time in UTC with six digits")

    # Claims

    def _check_signatures(self) -> None:
        found = []
        for epoch in self.epochs:
            if epoch.checkpoint is None:
                if epoch is not self.epochs[-1]:
                    found.append(f"epoch {epoch.number} has no checkpoint of its own")
                continue
            origin = epoch.checkpoint.origin
            tenant = re.sub("/[0-9]+$", "", origin) if epoch.number > 1 else origin
            if tenant.rpartition("/")[2] != self.tenant:
                self.fail("tenant", f"the checkpoint of epoch {epoch.number} has the origin {origin}")
            try:
                key, number = signing_key(epoch.checkpoint, self.keys)
                if number != epoch.number:
                    raise ValueError(f"the origin {origin} is that of epoch {number}")
                epoch.signed = True
                found.append(f"{origin}+{key.id_for(origin).hex()} signed size {epoch.checkpoint.size}")
            except ValueError as error:
                self.fail("signature", f"epoch {epoch.number}: {error}")
        self.report.passed["signature"] = "; ".join(found)

    def _check_roots(self) -> None:
        found = []
        for epoch in self.epochs:
            checkpoint = epoch.checkpoint
            if checkpoint is None:
                continue
            where = f"epoch {epoch.number}"
            if checkpoint.size > epoch.size:
                self.fail("root", f"{where}: {checkpoint.size} leaves are signed and the file has {epoch.size}")
            elif epoch is self.epochs[-1] and checkpoint.size != epoch.size:
                self.fail("root", f"{where}: {checkpoint.size} leaves are signed and the file shows {epoch.size}")
            elif checkpoint.size not in epoch.roots:
                self.report.cannot_check("root", f"{where}: {self._not_shown(checkpoint.size)}")
            elif epoch.roots[checkpoint.size] != checkpoint.root:
                self.fail("root", f"{where}: the first {checkpoint.size} leaves give another root than is signed")
            else:
                found.append(f"{where}: {checkpoint.size} leaves give the root that is signed")
        self.report.passed["root"] = "; ".join(found)

    @staticmethod
    def _not_shown(size: int) -> str:
        return f"size {size} lies inside leaves that are not shown, so its root cannot be computed"

    def _check_epochs(self) -> None:
        """Each epoch's first leaf must name the tree before it as the file has it; what is lost is a failure."""
        if len(self.epochs) == 1:
            self.report.passed["epochs"] = "one epoch, with nothing before it"
            return
        found = []
        for before, epoch in zip(self.epochs, self.epochs[1:], strict=False):
            where, statement = f"epoch {epoch.number}", epoch.statement
            if statement is None:
                # The newest one alone may be without a leaf, while nobody has signed it. In any other place an epoch
                # that has none parts what follows from the leaves before it, and of those some could go unseen.
                if epoch is not self.epochs[-1] or epoch.checkpoint is not None:
                    self.fail("epochs", f"{where} does not begin with its statement, which names the tree before it")
                continue
            reason, size = statement[8], int(statement[4])
            if int(statement[3]) != before.number or size != before.size:
                self.fail(
                    "epochs", f"{where} follows epoch {statement[3]} with {size} leaves; the file has {before.size}"
                )
            elif bytes.fromhex(statement[5]) != before.roots[before.size]:
                self.fail("epochs", f"{where} names another root of epoch {before.number} than its leaves give")
            known = None if statement[6] == "null" else int(statement[6])
            if (known is None) != (statement[7] is None):
                self.fail("epochs", f"{where}: known_size and known_root are not given together")
            elif known is None:
                found.append(f"{where} began after a {reason} at {size} leaves; no signed head was known")
                if NOT_PROVEN_UNKNOWN not in self.report.not_proven:
                    self.report.not_proven.insert(0, NOT_PROVEN_UNKNOWN)
            elif known > size:
                lost = f"{known - size} leaves of epoch {before.number} are lost"
                self.fail("epochs", f"{lost}: {known} were signed, a {reason} left {size}, and {where} began")
            elif known not in before.roots:
                self.report.cannot_check("epochs", f"epoch {before.number}: {self._not_shown(known)}")
            elif before.roots[known].hex() != statement[7]:
                first = f"the first {known} leaves of epoch {before.number}"
                self.fail("epochs", f"{where}: {first} give another root than the signer knew")
            else:
                found.append(f"{where} began after a {reason} at {size} leaves, nothing signed is lost")
        self.report.passed["epochs"] = "; ".join(found) or "the newest epoch has no leaf yet"

    def _check_cover(self) -> None:
        """Every leaf must be under its epoch's checkpoint, or under the next epoch's statement, itself signed."""
        if not any(epoch.signed for epoch in self.epochs) and "signature" not in self.report.failures:
            self.fail("signature", "no checkpoint: nothing in the file is signed")
        below_signed = False  # whether the statement of the next epoch is itself under a signature
        for epoch in reversed(self.epochs):
            covered = epoch.checkpoint.size if epoch.checkpoint is not None and epoch.signed else 0
            if below_signed:
                covered = max(covered, epoch.size)
            uncovered = epoch.size - covered
            if uncovered > 0 and "signature" not in self.report.failures:
                self.fail(
                    "signature", f"epoch {epoch.number}: {uncovered} of {epoch.size} leaves are under no signature"
                )
            below_signed = covered > 0 and epoch.statement is not None

    def _check_gone(self) -> None:
        """Whatever is not shown must be covered by a statement, except before and after a window.

        A superuser can put such a statement into the tree, and delete what it names. So the reader must say that leaves
        may be gone.
        """
        sizes = {epoch.number: epoch.size for epoch in self.epochs}
        for each in self.gone:
            said = each.said
            limit = said.at_leaf if each.epoch == said.at_epoch else sizes.get(each.epoch, 0)
            if each.epoch > said.at_epoch or each.end > limit:
                self.fail("gone", f"leaf {said.at_leaf} of epoch {said.at_epoch} speaks of leaves that came after it")
        pruned, erased = GoneOfKind(), GoneOfKind()
        named: dict[int, list[Gone]] = {}
        for each in self.gone:
            named.setdefault(each.epoch, []).append(each)
        for epoch in self.epochs:
            gone = named.get(epoch.number, [])
            prunes = [each for each in gone if each.said.kind == "prune"]
            missing = [
                (first, end)
                for first, end in epoch.omitted
                if not self.windowed or (epoch.shown and end > epoch.shown[0] and first < epoch.shown[1])
            ]
            self._demand("leaves", "prune", epoch, missing, prunes)
            self._demand("private parts of leaves", "prune or erase", epoch, epoch.erased, gone)
            pruned.add(sum(end - first for first, end in missing), statements_of(prunes, missing))
            erased.add(sum(end - first for first, end in epoch.erased), statements_of(gone, epoch.erased))
        self.report.gone = {"pruned": pruned, "erased": erased}
        if not pruned.leaves and not erased.leaves:
            self.report.passed["gone"] = "nothing was pruned or erased"
            return
        parts = [
            each.found(one, more)
            for each, one, more in (
                (pruned, "leaf pruned", "leaves pruned"),
                (erased, "private part erased", "private parts erased"),
            )
            if each.leaves
        ]
        found = (
            f"{', '.join(parts)}; statements of the tree name each of them, "
            "and nobody outside of the database vouches for these statements"
        )
        self.report.passed["gone"] = found
        if not self.gone_allowed and "gone" not in self.report.failures:
            self.fail("gone", found)

    def _demand(self, what: str, kind: str, epoch: Epoch, missing: list[tuple[int, int]], gone: list[Gone]) -> None:
        covered = united((each.first, each.end) for each in gone)
        for first, end in missing:
            found = bisect.bisect_right(covered, (first, sys.maxsize)) - 1
            reached = max(first, covered[found][1]) if found >= 0 else first
            if reached < end:
                where = f"{what} {reached} to {end - 1} of epoch {epoch.number}"
                self.fail("gone", f"{where} are missing, and no {kind} statement that is shown names them")

    def _check_ids(self) -> None:
        for bucket in self._ids:
            ids = [bytes(bucket[start : start + 16]) for start in range(0, len(bucket), 16)]
            seen: set[bytes] = set()
            if len(set(ids)) != len(ids):
                for each in ids:
                    if each in seen:
                        self.fail("ids", f"the record id {each.hex()} stands twice")
                    seen.add(each)
        self.report.passed["ids"] = f"{self.records} record ids, each once"

    def _check_window(self) -> None:
        if not self.windowed:
            asked = "a window was asked for; the file is the whole"
            self.report.passed["window"] = (
                asked if self.window_wanted else "the file is the whole, and no window of time"
            )
            return
        if not self.window_wanted:
            self.fail("window", "the file shows a window of time alone; if that is what you asked for, say --window")
        found = []
        for epoch in self.epochs:
            first, end = epoch.shown or (epoch.size, epoch.size)
            before = sum(e - f for f, e in epoch.omitted if e <= first)
            after = sum(e - f for f, e in epoch.omitted if f >= end)
            shown = f"{epoch.records} records shown"
            found.append(f"epoch {epoch.number}: {shown}, {before} leaves before and {after} after are not")
        self.report.passed["window"] = "; ".join(found)
        self.report.not_proven.insert(0, NOT_PROVEN_WINDOW)

    def _check_since(self) -> None:
        if not self.since and "since" not in self.report.failures:
            self.report.unchecked["since"] = "no older checkpoint was given"
            return
        by_number = {epoch.number: epoch for epoch in self.epochs}
        found = []
        for name, old, number in self.since:
            epoch = by_number.get(number)
            if epoch is None:
                self.fail("since", f"{name}: epoch {number}, which it signs, is not in the file")
            elif old.size > epoch.size:
                self.fail("since", f"{name} signs {old.size} leaves of epoch {number}; the file has {epoch.size}")
            elif old.size not in epoch.roots:
                self.report.cannot_check("since", f"{name}: {self._not_shown(old.size)}")
            elif epoch.roots[old.size] != old.root:
                self.fail("since", f"{name}: the first {old.size} leaves of epoch {number} are not those that it signs")
            else:
                found.append(f"the first {old.size} leaves of epoch {number} are those that {name} signs")
        self.report.passed["since"] = "; ".join(found)


def judge_proof(proof: str, leaf: bytes, keys: list[Key], witnesses: list[Key], quorum: int) -> Report:
    """Check that one record is in the tree that a checkpoint signs (c2sp.org/tlog-proof)."""
    report = Report(PROOF_CLAIMS)
    report.not_proven.insert(0, NOT_PROVEN_RECORD)
    try:
        checkpoint, index, hashes = _read_proof(proof)
        lines = leaf.split(b"\n")
        if lines[-1] != b"":
            raise Malformed("the leaf file has no line end at its end")
        if len(lines) > 3:
            raise Malformed("the leaf file has more than a leaf and its private line")
        text = lines[0].decode()
        match = RECORD.fullmatch(text)
        statements = (EPOCH_STATEMENT, PRUNE_STATEMENT, ERASE_STATEMENT)
        if match is None and not any(each.fullmatch(text) for each in statements):
            raise Malformed(f"the leaf: {why_refused(text, 'a leaf')}")
        if len(lines) == 3 and (match is None or not PRIVATE.fullmatch(lines[1].decode())):
            raise Malformed(f"the private line: {why_refused(lines[1].decode(), 'a private line')}")
    except (Malformed, UnicodeDecodeError) as error:
        report.fail("file", str(error))
        return report
    report.passed["file"] = "the leaf and its proof are well formed"
    tenant = json.loads(text)["tenant_id"]
    try:
        key, epoch = signing_key(checkpoint, keys)
        report.passed["signature"] = f"{checkpoint.origin} signed size {checkpoint.size}, of epoch {epoch}"
        if key.name.rpartition("/")[2] != tenant:
            report.fail("tenant", f"the leaf is of tenant {tenant}, the key is that of {key.name}")
        report.passed["tenant"] = f"leaf, origin and key say {tenant}"
    except ValueError as error:
        report.fail("signature", str(error))
        report.unchecked["tenant"] = "the key that signed is not known"
    try:
        if index >= checkpoint.size:
            raise ValueError(f"leaf {index} is not in a tree of {checkpoint.size}")
        if root_of_proof(leaf_hash(lines[0]), index, checkpoint.size, hashes) != checkpoint.root:
            raise ValueError("leaf and proof give another root than is signed")
        report.passed["inclusion"] = f"the line is leaf {index} of {checkpoint.size}"
    except ValueError as error:
        report.fail("inclusion", str(error))
    if match is None or len(lines) == 2:
        report.unchecked["private"] = "no private line was given"
    elif hashlib.sha256(lines[1]).hexdigest() != match[5]:
        report.fail("private", "the private line has another digest than its leaf says")
    else:
        report.passed["private"] = "the private line has the digest in its leaf"
    report.passed["times"] = "each time is UTC to the microsecond, and exists"
    for name in ("created_at", "recorded_at", "began_at", "first_created_at", "last_created_at", "at"):
        value = json.loads(text).get(name)
        if value is not None and not is_time(json.dumps(value)):
            report.fail("times", f"{name} is not a time in UTC with six digits")
    check_witnesses(report, checkpoint, witnesses, quorum)
    return report


def _read_proof(proof: str) -> tuple[Checkpoint, int, list[bytes]]:
    head, separator, note = proof.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1":
        raise CannotJudge("the file is no proof of the form c2sp.org/tlog-proof@v1")
    index = re.fullmatch(f"index ({_WHOLE})", lines[1]) if len(lines) > 1 else None
    if index is None or not separator:
        raise Malformed("the proof has no index line, or no checkpoint")
    try:
        hashes = [decode_base64(line) for line in lines[2:]]
        if any(len(each) != 32 for each in hashes) or len(hashes) > 63:
            raise ValueError("hashes that are not 32 bytes, or too many")
        return read_checkpoint(note), int(index[1]), hashes
    except ValueError as error:
        raise Malformed(f"the proof has {error}") from None


# The command


def printable(text: str) -> str:
    """Return text from a file so that it moves no cursor and forges no line of a terminal."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ringfence-verify", description="Check evidence offline.")
    add = parser.add_argument
    add("bundle", nargs="?", metavar="BUNDLE", help="an export with format=evidence")
    several: dict[str, Any] = {"action": "append", "default": []}
    add("--key", metavar="VKEY", **several, help="the log's public key; the new one too after a rotation")
    add("--since", metavar="FILE", **several, help="a checkpoint that was kept: it must be a prefix")
    add("--window", action="store_true", help="the bundle may be a window of time")
    add(
        "--allow-gone", action="store_true", help="retention or erasure was agreed: leaves named as gone may be missing"
    )
    add("--witness", metavar="VKEY", **several, help="the public key of a witness")
    add("--quorum", type=int, metavar="N", help="how many of the witnesses must have cosigned; all, unless given")
    add("--proof", metavar="FILE", help="check one record: its proof")
    add("--leaf", metavar="FILE", help="check one record: its leaf and its private line")
    add("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args(arguments)
    if bool(given.bundle) == bool(given.proof) or bool(given.proof) != bool(given.leaf):
        parser.error("give a BUNDLE, or --proof and --leaf")
    if given.proof and (given.since or given.window or given.allow_gone):
        parser.error("--since, --window and --allow-gone are for a BUNDLE")
    if not given.key:
        parser.error("give the log's public key with --key; without it nothing is proven")
    if given.quorum is not None and not 0 < given.quorum <= len(given.witness):
        parser.error("--quorum is a number from 1 to that of the witnesses")
    return given


def judge(given: argparse.Namespace) -> Report:
    """Check what the arguments name."""
    keys = [read_key(text, LOG_KEY) for text in dict.fromkeys(given.key)]
    witnesses = [read_key(text, WITNESS_KEY) for text in dict.fromkeys(given.witness)]
    quorum = len(witnesses) if given.quorum is None else given.quorum
    try:
        if given.proof:
            proof = Path(given.proof).read_bytes().decode()
            return judge_proof(proof, Path(given.leaf).read_bytes(), keys, witnesses, quorum)
        since = [(Path(name).name, Path(name).read_bytes().decode()) for name in given.since]
        with Path(given.bundle).open("rb") as file:
            return Bundle(file, keys, since, given.window, given.allow_gone).judge(witnesses, quorum)
    except OSError as error:
        raise CannotJudge(str(error)) from None
    except UnicodeDecodeError:
        raise CannotJudge("a proof or an old checkpoint is not UTF-8") from None


VERDICTS = ("PASS", "FAIL", "CANNOT BE JUDGED")


def main(arguments: list[str] | None = None) -> int:
    """Check, print what was found, and return the exit status."""
    given = _arguments(arguments)
    try:
        report = judge(given)
    except Exception as error:  # Python would exit with 1, which means that a claim fails
        why = str(error) if isinstance(error, CannotJudge) else f"an unexpected error: {error!r}"
        if given.json:
            print(json.dumps({"verdict": "cannot-judge", "why": why, "claims": []}))
        else:
            print(f"{VERDICTS[2]}: {printable(why)}", file=sys.stderr)
        return 2
    try:
        status = _print(report, given)
        sys.stdout.flush()
    except (OSError, UnicodeError) as error:
        print(f"{VERDICTS[2]}: the answer cannot be printed: {error!r}", file=sys.stderr)
        os._exit(2)  # at a usual exit Python would flush once more, and exit with 120
    return status


def _print(report: Report, given: argparse.Namespace) -> int:
    status = report.status()
    if given.json:
        claims = [{"claim": claim, "state": state, "found": found} for state, claim, found in report.lines()]
        verdict = ("pass", "fail", "cannot-judge")[status]
        gone = {name: each.as_json() for name, each in report.gone.items() if each.leaves}
        print(
            json.dumps({"verdict": verdict, "claims": claims, "gone": gone, "not_proven": report.not_proven}, indent=1)
        )
        return status
    for state, claim, found in report.lines():
        print(f"{state:<11}  {claim}: {printable(found)}")
    print("\nWhat this does not prove:")
    for each in report.not_proven:
        print(f"- {each}")
    print(f"\n{VERDICTS[status]}")
    return status


if __name__ == "__main__":
    sys.exit(main())
