"""The signer beside the service of `make run`: a process of its own, with a key that is made at the first start.

It shares the machine with the database, so it shows how signing works, and protects against nobody who has the machine.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.sign import files, notes
from app.sign.memory import Memory

ROLE = "ringfence_signer"
_LOG_NAME = "ringfence.localhost"
_STOP_SECONDS = 10


def prepare(directory: Path, tenants: Iterable[str]) -> dict[str, str]:
    """Make a key where there is none; return {variable: vkey} of the tenants. Raises files.BadDirectory."""
    if not directory.exists():
        files.create(directory, _LOG_NAME)
        Memory(files.memory_file(directory), create=True).close()
    keys = files.load(directory)
    vkeys = {tenant: notes.key_of(notes.origin_of(keys.log_name, tenant, 1), keys.current) for tenant in tenants}
    return {f"{tenant.upper()}_VKEY": str(vkey) for tenant, vkey in vkeys.items()}


@contextmanager
def running(directory: Path, database_url: str, say: Callable[[str], None]) -> Iterator[None]:
    """Run the signer until the block ends, and say so when it ends before."""
    # Its standard input is a pipe that nobody writes to: it closes with this process, also when this one is killed, and
    # then the signer ends. A session of its own: Ctrl-C stops the service first, whose last records are signed too.
    process = subprocess.Popen(
        [sys.executable, "-m", "app.sign", "run", "--while-stdin-is-open"],
        env=os.environ | {"SIGNER_DATABASE_URL": database_url, "SIGNER_DIRECTORY": str(directory)},
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    stopping = threading.Event()

    def watch() -> None:
        status = process.wait()
        if not stopping.is_set():
            say(f"ringfence: the signer has ended with status {status}: nothing is signed until the next `make run`")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopping.set()
        process.terminate()
        watcher.join(_STOP_SECONDS)
        if watcher.is_alive():
            process.kill()
            watcher.join()
