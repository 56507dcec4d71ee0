"""`make test-mutations`: weaken a migrated database in every way that weakenings/*.sql find, one at a time.

The pgTAP tests in db/tests must go red each time. A weakening that they pass over is named and fails the build.

Two servers share the work. Roles belong to a whole server, so on each of them one weakening is tried after the other:
first at the start of the transactions of a few files that may be expected to notice, which leaves nothing to clean up;
and where those pass over it, in a database of its own, with every file.
"""

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue

import psycopg

from app.database_url import forget_libpq_variables
from tests.mutations import pgtap
from tests.mutations.catalogue import EQUIVALENT, Mutation, SuiteBroken, read_mutations
from tests.mutations.laboratory import Laboratory
from tests.run import DEBIAN_SERVER, install_system_packages

_ROOM = 1 << 30  # bytes that one server may come to need
_QUICK_TRIES = 12
_NOTHING = Mutation("", "nothing", "COMMENT ON SCHEMA audit IS 'Nothing is weakened.'", "")


class Run:
    """One run of the suite, over laboratories that work side by side."""

    def __init__(self, laboratories: list[Laboratory], *, thorough: bool) -> None:
        self._thorough = thorough
        self._quick: list[Path] = []
        self._idle: SimpleQueue[Laboratory] = SimpleQueue()
        for laboratory in laboratories:
            self._idle.put(laboratory)
        self._workers = len(laboratories)
        self._seconds: dict[Path, float] = {}
        self._catches: Counter[tuple[str, Path]] = Counter()
        self._names: list[tuple[frozenset[str], Path]] = []

    def red_when_intact(self) -> list[Path]:
        """Run every file on an unweakened database; return those that do not pass: they could prove nothing."""
        with ThreadPoolExecutor(self._workers) as workers:
            green = list(workers.map(self._is_green, pgtap.FILES))
            # Those that fail when something was done before they began can tell nothing in that way.
            can_be_quick = list(workers.map(self._can_be_quick, pgtap.FILES))
        if not self._thorough:
            self._quick = [file for file, can in zip(pgtap.FILES, can_be_quick, strict=True) if can]
        return [file for file, is_green in zip(pgtap.FILES, green, strict=True) if not is_green]

    def try_all(self, mutations: list[Mutation]) -> tuple[list[str], list[str]]:
        """Try every mutation and print what became of it; return the names of the survivors, and what went wrong."""
        survivors, broken = [], []
        with ThreadPoolExecutor(self._workers) as workers:
            attempts = [(mutation, workers.submit(self._catcher, mutation)) for mutation in mutations]
            for mutation, attempt in attempts:
                try:
                    catcher = attempt.result()
                except SuiteBroken as reason:
                    broken.append(str(reason))
                    print(f"BROKEN    {reason}", flush=True)
                    continue
                if catcher is None:
                    survivors.append(mutation.name)
                print(
                    f"caught    {mutation.name}  [{catcher.stem}]" if catcher else f"SURVIVED  {mutation.name}",
                    flush=True,
                )
        for _ in range(self._workers):
            try:
                self._idle.get().check()
            except SuiteBroken as reason:
                broken.append(str(reason))
        return survivors, broken

    def _is_green(self, file: Path) -> bool:
        with self._laboratory() as laboratory:
            started = time.monotonic()
            green = laboratory.is_green(file)
            self._seconds[file] = time.monotonic() - started
        return green

    def _can_be_quick(self, file: Path) -> bool:
        with self._laboratory() as laboratory:
            return file in pgtap.WITHIN_ONE_TRANSACTION and laboratory.quick_catcher(_NOTHING, [file]) is None

    def _catcher(self, mutation: Mutation) -> Path | None:
        words = _words(mutation)
        alike: dict[Path, float] = {}
        for known, noticed in list(self._names):
            alike[noticed] = max(alike.get(noticed, 0), len(words & known) / len(words | known))
        promise = {file: self._promise(mutation, file, alike.get(file, 0)) for file in pgtap.FILES}
        files = sorted(pgtap.FILES, key=lambda file: promise[file], reverse=True)
        quick = [file for file in files if file in self._quick][:_QUICK_TRIES]
        with self._laboratory() as laboratory:
            catcher = laboratory.quick_catcher(mutation, quick) or laboratory.catcher(
                mutation, [file for file in files if file not in quick] + quick
            )
        if catcher:
            self._catches[mutation.kind, catcher] += 1
            self._names.append((words, catcher))
        return catcher

    def _promise(self, mutation: Mutation, file: Path, alike: float) -> float:
        """How soon `file` may be expected to go red: by what it caught of this kind and of like names, and takes."""
        caught = sum(number for (kind, _), number in self._catches.items() if kind == mutation.kind)
        share = self._catches[mutation.kind, file] / (caught + 1)
        return float((4 * share + 4 * alike**2 + pgtap.relevance(file, mutation.name)) / self._seconds[file] ** 0.5)

    @contextmanager
    def _laboratory(self) -> Iterator[Laboratory]:
        laboratory = self._idle.get()
        try:
            yield laboratory
        finally:
            self._idle.put(laboratory)


def _words(mutation: Mutation) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", mutation.name))


@contextmanager
def laboratories(binaries: Path, number: int) -> Iterator[list[Laboratory]]:
    """Open `number` laboratories, and delete them afterwards."""
    # Thousands of databases are copied: in memory, where there is enough.
    memory = "/dev/shm" if Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > _ROOM * number else None
    with tempfile.TemporaryDirectory(prefix="ringfence-mutations-", dir=memory) as name, ExitStack() as opened:
        folder = Path(name)
        folder.chmod(0o755)
        made = [Laboratory(binaries, folder / str(n)) for n in range(number)]
        for laboratory in made:
            opened.callback(laboratory.close)
        with ThreadPoolExecutor(number) as workers:
            list(workers.map(Laboratory.open, made))
        yield made


def main() -> int:
    """Run the command line; return 0 when every mutation was caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--server", type=Path, default=DEBIAN_SERVER, help="folder of the server's binaries")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", metavar="WORDS", help="the mutations whose names contain these words")
    parser.add_argument("--kinds", default="", metavar="KINDS", help="those of these files of weakenings, with commas")
    parser.add_argument("--thorough", action="store_true", help="try each in a database of its own alone: slow")
    parser.add_argument("--list", action="store_true", help="print the SQL of the mutations instead of trying them")
    arguments = parser.parse_args()
    forget_libpq_variables()  # the servers are our own
    install_system_packages([DEBIAN_SERVER])
    started = time.monotonic()
    with laboratories(arguments.server, 1 if arguments.list else arguments.workers) as opened:
        with opened[0].clone() as url, psycopg.connect(url) as connection:
            mutations = [
                mutation
                for mutation in read_mutations(connection)
                if arguments.only in mutation.name
                and (not arguments.kinds or mutation.kind in arguments.kinds.split(","))
            ]
        if arguments.list:
            for mutation in mutations:
                print(f"-- {mutation.name}\n{mutation.weakening};\n")
            return 0
        run = Run(opened, thorough=arguments.thorough)
        if red := run.red_when_intact():
            print("red before anything was weakened: " + ", ".join(file.name for file in red))
            return 1
        print(f"{len(pgtap.FILES)} files of pgTAP tests, all green; {len(mutations)} mutations", flush=True)
        survivors, broken = run.try_all(mutations)
    for name in survivors:
        print(f"survived: {name}")
    for reason in broken:
        print(f"broken: {reason}")
    caught = len(mutations) - len(survivors) - len(broken)
    print(
        f"{len(mutations)} mutations, {caught} caught, {len(survivors)} survived"
        f" ({len(EQUIVALENT)} equivalent ones excused), {time.monotonic() - started:.0f} seconds"
    )
    return 0 if mutations and caught == len(mutations) else 1


if __name__ == "__main__":
    sys.exit(main())
