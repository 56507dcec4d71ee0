"""Secrets that a file of the operator names: they are in the environment, or in a file of their own."""

import os
from collections.abc import Mapping
from pathlib import Path

MAX_BYTES = 8192


def read_secret(source: Mapping[str, str]) -> str:
    """Return the secret of `{env = "VARIABLE"}` or `{file = "/path"}`, which has one of the two.

    Raises ValueError, which names the variable or the file and does not repeat the secret.
    """
    return _variable(source["env"]) if "env" in source else _content(Path(source["file"]))


def _variable(name: str) -> str:
    if not (value := os.environ.get(name)):
        raise ValueError(f"the environment variable {name} is not set, or empty")
    return value


def _content(path: Path) -> str:
    if not path.is_absolute():
        raise ValueError("file is an absolute path")
    if not path.is_file():  # opening a pipe would block the start
        raise ValueError(f"the file {path} is not there, or no file")
    try:
        with path.open("rb") as file:
            value = file.read(MAX_BYTES + 1).decode()
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8") from None
    except OSError as error:
        raise ValueError(f"the file {path} cannot be read: {error.strerror}") from None
    return value.removesuffix("\n").removesuffix("\r")  # added by an editor
