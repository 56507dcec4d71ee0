"""Reads a person's id from a file or standard input: never from the arguments, which `ps` shows to everybody."""

import argparse
import sys
from pathlib import Path


def of_file(name: str) -> str:
    """Return the id in a file, for an option. Raises ArgumentTypeError, without repeating the id."""
    try:
        return _text(Path(name).read_bytes())
    except OSError as error:
        raise argparse.ArgumentTypeError(f"the file cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"the file holds no user's id: {error}") from None


def of_standard_input() -> str:
    """Return the id on standard input. Raises ValueError, without repeating the id."""
    return _text(sys.stdin.buffer.read())


def _text(found: bytes) -> str:
    try:
        text = found.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None  # the error would hold the id
    if not text:
        raise ValueError("it is empty")
    if "\0" in text:
        raise ValueError("it has a NUL character")
    return text
