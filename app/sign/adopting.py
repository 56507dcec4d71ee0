"""Takes checkpoints from outside into a memory that was lost or rolled back.

This can only narrow what is signed next: a head must then extend the adopted checkpoint. So a checkpoint need not be
checked against the database; its signature, by a key of this directory or one that the operator names, is enough.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from app.sign import notes
from app.sign.files import Keys
from app.sign.heads import Known
from app.sign.memory import Memory
from app.sign.notes import BadNote, VerifierKey


def adopt(memory: Memory, keys: Keys, more: Sequence[bytes], paths: Iterable[Path]) -> tuple[int, int]:
    """Return how many checkpoints of these files were adopted, and how many were older. Raises BadNote, OSError.

    more: further public keys whose checkpoints count.
    """
    public = [notes.key_of(keys.log_name, key).public for key in (keys.current, keys.previous) if key] + list(more)
    newest: dict[tuple[str, int], Known] = {}
    left = 0
    for file in _files(paths):
        try:
            tenant, epoch, found = _read(file.read_text("utf-8"), keys.log_name, public)
        except (BadNote, UnicodeDecodeError) as error:
            raise BadNote(f"{file}: {error if isinstance(error, BadNote) else 'not UTF-8'}") from None
        known = newest.get((tenant, epoch)) or memory.known.get(tenant, {}).get(epoch)
        if known and known.size == found.size and known.root != found.root:
            raise BadNote(f"{file}: {found.size} leaves were signed with two roots; nothing was adopted")
        if known and found.size <= known.size:
            left += 1
        else:
            newest[tenant, epoch] = found
    memory.remember((tenant, epoch, known) for (tenant, epoch), known in newest.items())
    return len(newest), left


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        yield from sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def _read(note: str, log_name: str, public: Sequence[bytes]) -> tuple[str, int, Known]:
    """Return tenant, epoch and head of a checkpoint that one of the keys has signed. Raises BadNote."""
    checkpoint, signatures = notes.parse(note)
    origin = checkpoint.origin.removeprefix(f"{log_name}/")
    tenant, _, number = origin.partition("/")
    epoch = int(number) if number.isdecimal() else 1
    if origin == checkpoint.origin or checkpoint.origin != notes.origin_of(log_name, tenant, epoch):
        raise BadNote(f"a checkpoint of another log than {log_name}")
    if not any(
        notes.is_signed(checkpoint.text, signatures, VerifierKey(checkpoint.origin, notes.ED25519, key))
        for key in public
    ):
        raise BadNote("no signature of this signer's keys")
    return tenant, epoch, Known(checkpoint.size, checkpoint.root)
