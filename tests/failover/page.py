"""The commands of docs/high-availability.md, run on the machines of the test where an operator would run them."""

import os
import subprocess

from tests.failover.trio import Trio
from tests.support import pages


def show(trio: Trio) -> str:
    """Return what the page prints of the three machines."""
    return _run(trio, pages.commands("docs/high-availability.md", "See who is the primary"))


def switch_over(trio: Trio) -> None:
    """Change the primary on purpose."""
    _run(trio, pages.commands("docs/high-availability.md", "Change the primary on purpose"))


def make_anew(trio: Trio, standby: str) -> None:
    """Make a standby anew from the primary."""
    _run(trio, pages.commands("docs/high-availability.md", "Bring the old primary back"), STANDBY=standby)


def _run(trio: Trio, blocks: list[str], **variables: str) -> str:
    machine = trio.machines[0]
    here = {"/etc/patroni.": f"{machine.configuration.with_suffix('')}.", "/opt/patroni/bin": str(trio.patroni)}
    text = "".join(blocks)
    for there, value in here.items():
        text = text.replace(there, value)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **variables},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
