"""The signer's directory: its keys, the log's name, its memory; for its owner alone, and for one process at a time.

key.pem is an Ed25519 key in PKCS #8 without a password: the signer starts without a person, so a password would lie
beside it. The files' mode, or a disk or a vault that the operator mounts there, protects it.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from app.sign.notes import log_name_fault

_KEY, _PREVIOUS, _LOG, _MEMORY = "key.pem", "previous-key.pem", "log.json", "heads.sqlite"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class BadDirectory(Exception):
    """The signer's directory cannot be used as it is. The message is one sentence, without a byte of a key."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The log's name and keys. previous: the key before a rotation, which signs too until `previous_until`."""

    log_name: str
    current: Ed25519PrivateKey
    previous: Ed25519PrivateKey | None = None
    previous_until: datetime | None = None

    def at(self, now: datetime) -> list[Ed25519PrivateKey]:
        """Return the keys that sign at this time, the current one first."""
        if self.previous is None or self.previous_until is None or now >= self.previous_until:
            return [self.current]
        return [self.current, self.previous]


def memory_file(directory: Path) -> Path:
    """Return the file of the memory."""
    return directory / _MEMORY


def create(directory: Path, log_name: str) -> None:
    """Make the directory and a new key. Raises BadDirectory where a key is there already."""
    if found := log_name_fault(log_name):
        raise BadDirectory(f"the log's name is {found}")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.stat().st_uid != os.geteuid():
            raise BadDirectory(f"{directory} belongs to somebody else")
        directory.chmod(0o700)
        _write_new(directory / _KEY, _pem(Ed25519PrivateKey.generate()))
    except FileExistsError:
        raise BadDirectory(f"{directory / _KEY} exists: a key is never replaced; see rotate") from None
    except OSError as error:
        raise BadDirectory(f"{directory}: {error.strerror}") from None
    _write_log(directory, log_name, None)


def load(directory: Path) -> Keys:
    """Read the keys and the log's name. Raises BadDirectory."""
    try:
        log = json.loads((directory / _LOG).read_text("utf-8"))
        name, until = log["name"], log["previous_until"]
        previous_until = datetime.strptime(until, _TIME).replace(tzinfo=UTC) if until else None
    except FileNotFoundError:
        raise BadDirectory(f"{directory} has no {_LOG}: make a key with init") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise BadDirectory(f"{directory / _LOG} cannot be read") from None
    if not isinstance(name, str) or (found := log_name_fault(name)):
        raise BadDirectory(f"{directory / _LOG}: the log's name is {found if isinstance(name, str) else 'missing'}")
    current = _load_key(directory / _KEY)
    previous = _load_key(directory / _PREVIOUS) if previous_until and (directory / _PREVIOUS).exists() else None
    if previous and previous.public_key() == current.public_key():  # a rotation that broke off
        previous = previous_until = None
    return Keys(name, current, previous, previous_until)


def rotate(directory: Path, until: datetime) -> None:
    """Make a new key; the one before signs beside it until this time. Raises BadDirectory while one does already.

    In an order in which a crash loses no key: until the last step the directory has the old key under both names.
    """
    keys = load(directory)
    if len(keys.at(datetime.now(UTC))) > 1:
        raise BadDirectory(f"the last rotation goes on until {keys.previous_until:{_TIME}}: two keys sign already")
    unfinished = directory / f"{_KEY}.{secrets.token_hex(8)}"
    _write_new(unfinished, _pem(Ed25519PrivateKey.generate()))
    _replace(directory / _PREVIOUS, _pem(keys.current))
    _write_log(directory, keys.log_name, until)
    unfinished.replace(directory / _KEY)
    _sync(directory)


def forget_previous(directory: Path) -> None:
    """Delete the key before a rotation, once it signs no more."""
    keys = load(directory)
    if len(keys.at(datetime.now(UTC))) == 1:
        with suppress(FileNotFoundError):
            (directory / _PREVIOUS).unlink()
            _sync(directory)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory for this process: two signers with one key could sign two trees. Raises BadDirectory."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BadDirectory(f"{directory}: {error.strerror}; make it with init") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise BadDirectory(f"a signer runs with {directory}: stop it first") from None
    finally:
        os.close(descriptor)


def _load_key(file: Path) -> Ed25519PrivateKey:
    try:
        found = file.stat()
        if found.st_mode & 0o077:
            raise BadDirectory(f"{file} can be read by others: chmod 0600")
        key = load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        raise BadDirectory(f"{file}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise BadDirectory(f"{file} is no private key in PKCS #8 without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadDirectory(f"{file} is no Ed25519 key")
    return key


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write_log(directory: Path, name: str, until: datetime | None) -> None:
    document = {"name": name, "previous_until": f"{until:{_TIME}}" if until else None}
    _replace(directory / _LOG, json.dumps(document).encode() + b"\n")


def _write_new(file: Path, content: bytes) -> None:
    """Write a file that must not exist, for its owner alone. Raises FileExistsError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
        output.flush()
        os.fsync(output.fileno())
    _sync(file.parent)


def _replace(file: Path, content: bytes) -> None:
    """Write a file at once, in place of one that may be there."""
    unfinished = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    _write_new(unfinished, content)
    unfinished.replace(file)
    _sync(file.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
