"""What a vector is, and how a set of them is written to docs/vectors."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.vectors.building import KEY, origin

FOLDER = Path(__file__).parents[2] / "docs" / "vectors"
INDEX = "vectors.json"
OURS = ("ringfence", "page")
EVERYBODY = ("ringfence", "page", "go", "aics")
# Who has words for which fault: Go's x/mod knows notes and trees, aics-tlog cosignatures too, neither our lines.
JUDGES_OF = dict.fromkeys(("signature", "root", "since", "inclusion"), EVERYBODY) | {"witnesses": (*OURS, "aics")}
ALLOW_GONE = ("--allow-gone",)
ACME = KEY.vkey(origin("acme", 1))


@dataclass(frozen=True)
class Vector:
    """One file, what is asked about it, and the verdict that every judge must reach.

    why: the claim that must fail. judges: who has words for what is wrong; all, where that is a signature or a tree.
    """

    name: str
    content: str | bytes
    verdict: str = "pass"
    why: str = ""
    about: str = ""
    keys: tuple[str, ...] = (ACME,)
    since: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    leaf: str | None = None  # of a proof
    judges: tuple[str, ...] = field(default=())

    def files(self) -> dict[str, bytes]:
        """Return the files of this vector."""
        content = self.content.encode() if isinstance(self.content, str) else self.content
        files = {self.file: content}
        files |= {name: note.encode() for name, note in zip(self.since_files, self.since, strict=True)}
        if self.leaf is not None:
            files[f"{self.name}.leaf"] = self.leaf.encode()
        return files

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.{'ndjson' if self.leaf is None else 'tlog-proof'}"

    @property
    def since_files(self) -> list[str]:
        """The names of the old checkpoints."""
        return [f"{self.name}.since{number}" for number in range(1, len(self.since) + 1)]

    def entry(self) -> dict[str, object]:
        """Return its entry in the index."""
        judges = self.judges or (EVERYBODY if self.verdict == "pass" else JUDGES_OF.get(self.why, OURS))
        return {
            "name": self.name, "about": self.about, "file": self.file,
            "leaf": None if self.leaf is None else f"{self.name}.leaf", "keys": list(self.keys),
            "since": self.since_files, "options": list(self.options), "verdict": self.verdict, "why": self.why,
            "judges": list(judges),
        }  # fmt: skip


def files_of(vectors: list[Vector], rfc6962: dict[str, object]) -> dict[str, bytes]:
    """Return {name: content} of all files of docs/vectors but its README."""
    names = [vector.name for vector in vectors]
    assert len(names) == len(set(names)), "two vectors of one name"
    files: dict[str, bytes] = {}
    for vector in vectors:
        files |= vector.files()
    files["acme.vkey"] = f"{ACME}\n".encode()
    files["rfc6962.json"] = (json.dumps(rfc6962, indent=1) + "\n").encode()
    index = [vector.entry() for vector in vectors]
    files[INDEX] = (json.dumps(index, indent=1, ensure_ascii=False) + "\n").encode()
    return files
