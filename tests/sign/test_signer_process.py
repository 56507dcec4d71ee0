"""The signer as a process: in time, through an outage, alone, and after it was killed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from urllib.request import urlopen

from tests.conftest import TestDatabase
from tests.support.polling import eventually
from tests.support.signing import Sealed, SignerAt


@contextmanager
def running_signer(signer: SignerAt) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "app.sign", "run"], env=signer.environment(), cwd=signer.directory.parent,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_running_signer_signs_a_new_head_within_two_seconds_and_stops_when_told(
    sealed: Sealed, signer: SignerAt
) -> None:
    with running_signer(signer) as process:
        eventually(lambda: sealed.signed_size() == 7)
        sealed.append("acme", 5)
        began = time.monotonic()
        eventually(lambda: sealed.signed_size() == 12)
        assert time.monotonic() - began < 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_running_signer_outlives_an_outage(sealed: Sealed, signer: SignerAt, database: TestDatabase) -> None:
    with running_signer(signer) as process:
        eventually(lambda: sealed.signed_size() == 7)
        database.go_down()
        printed = process.stderr
        assert printed
        eventually(lambda: b"the heads cannot be read" in os.read(printed.fileno(), 65536))
        database.come_up()
        sealed.append("acme", 5)
        eventually(lambda: sealed.signed_size() == 12)


def test_a_running_signer_serves_metrics_where_a_port_is_set(sealed: Sealed, signer: SignerAt) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running_signer(replace(signer, more={"signer_metrics_port": port})):
        eventually(lambda: sealed.signed_size() == 7)

        def counted() -> bool:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                text = answer.read().decode()
                return 'ringfence_signer_trees{state="refused"} 0.0' in text and "heads_signed_total 0.0" not in text
            return False

        eventually(counted)


def test_a_signer_that_cannot_listen_says_so_and_does_not_start(signer: SignerAt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        more = {"signer_metrics_port": taken.getsockname()[1]}
        refused = replace(signer, more=more).command("run")
    assert (refused.returncode, "SIGNER_METRICS_PORT: " in refused.stderr) == (1, True)


def test_a_second_signer_with_the_same_directory_is_refused(sealed: Sealed, signer: SignerAt) -> None:
    with running_signer(signer):
        eventually(lambda: sealed.signed_size() == 7)
        refused = signer.command("run", "--once")
        assert (refused.returncode, "a signer runs with" in refused.stderr) == (1, True)
        assert signer.command("rotate").returncode == 1
    assert signer.command("run", "--once").returncode == 0


def remembers(signer: SignerAt, size: int) -> bool:
    return signer.known() == size


def test_a_signer_that_is_killed_while_it_signs_goes_on_from_its_memory(sealed: Sealed, signer: SignerAt) -> None:
    for size in (10, 13, 16, 19, 22):
        with running_signer(signer) as process:
            sealed.append("acme", 3)
            eventually(partial(remembers, signer, size))
            process.kill()
            process.wait()
        assert sealed.signed_size() <= signer.known()
    assert signer.once() == 0
    assert sealed.signed_size() == signer.known() == 22
