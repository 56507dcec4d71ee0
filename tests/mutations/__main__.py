"""`make test-mutations`: weaken a migrated database in every way that weakenings/*.sql find, one at a time.

The pgTAP tests in db/tests must go red each time. A weakening that they pass over is named and fails the build.

Two servers share the work. Roles belong to a whole server, so on each of them one weakening is tried after the other:
first at the start of the transactions of the files that may be expected to notice, which leaves nothing to clean up;
and where those pass over it, in a database of its own, with every file.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from pathlib import Path
from queue import SimpleQueue

import psycopg

from app.database_url import forget_libpq_variables
from tests.mutations import pgtap
from tests.mutations.catalogue import EQUIVALENT, Mutation, SuiteBroken, read_mutations
from tests.mutations.choice import Choice
from tests.mutations.laboratory import Laboratory, Observed
from tests.run import DEBIAN_SERVER, install_system_packages

_ROOM = 1 << 30  # bytes that one server may come to need
_CLONE_SECONDS = 0.3  # that a database of its own costs
_NOTHING = Mutation("", "nothing", "COMMENT ON SCHEMA audit IS 'Nothing is weakened.'", "")


class Run:
    """One run of the suite, over laboratories that work side by side."""

    def __init__(self, laboratories: list[Laboratory], *, thorough: bool) -> None:
        self._thorough = thorough
        self._quick: frozenset[Path] = frozenset()
        self._choice = Choice({}, {})
        self._idle: SimpleQueue[Laboratory] = SimpleQueue()
        for laboratory in laboratories:
            self._idle.put(laboratory)
        self._workers = len(laboratories)

    def red_when_intact(self) -> list[Path]:
        """Run every file on an unweakened database; return those that do not pass: they could prove nothing."""
        with ThreadPoolExecutor(self._workers) as workers:
            observed = dict(zip(pgtap.FILES, workers.map(self._observe, pgtap.FILES), strict=True))
            # Those that fail when something was done before they began can tell nothing in that way.
            can_be_quick = list(workers.map(self._can_be_quick, pgtap.FILES))
        if not self._thorough:
            self._quick = frozenset(file for file, can in zip(pgtap.FILES, can_be_quick, strict=True) if can)
        costs = {file: seen.seconds + (0 if file in self._quick else _CLONE_SECONDS) for file, seen in observed.items()}
        self._choice = Choice(costs, {file: seen.calls for file, seen in observed.items()})
        return [file for file, seen in observed.items() if not seen.is_green]

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

    def _observe(self, file: Path) -> Observed:
        with self._laboratory() as laboratory:
            return laboratory.observe(file)

    def _can_be_quick(self, file: Path) -> bool:
        with self._laboratory() as laboratory:
            return file in pgtap.WITHIN_ONE_TRANSACTION and laboratory.quick_catcher(_NOTHING, [file]) is None

    def _catcher(self, mutation: Mutation) -> Path | None:
        files = self._choice.order(mutation)
        quick = list(takewhile(self._quick.__contains__, files))
        with self._laboratory() as laboratory:
            catcher = laboratory.quick_catcher(mutation, quick)
            if catcher is None:
                files = files[len(quick) :] + quick
                catcher = laboratory.catcher(mutation, files)
        self._choice.learn(mutation, files[: files.index(catcher)] if catcher else files, catcher)
        return catcher

    @contextmanager
    def _laboratory(self) -> Iterator[Laboratory]:
        laboratory = self._idle.get()
        try:
            yield laboratory
        finally:
            self._idle.put(laboratory)


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
