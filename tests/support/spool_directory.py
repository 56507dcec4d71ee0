"""The spool's directory, seen from outside while a service works in it."""

from pathlib import Path


def waiting_files(directory: Path) -> list[Path]:
    """Return the files that hold records which are not in the database."""
    return [path for path in directory.glob("*.jsonl") if path.name != "dead-letter.jsonl" and _size(path)]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # replayed meanwhile
        return 0
