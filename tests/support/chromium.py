"""A headless Chromium for tests of static pages, driven over its DevTools pipe: no port, no network, no package."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")  # Debian's
# The same browser under other names: Ubuntu has no package of Chromium, and runners of GitHub bring Chrome.
BROWSER = next((path for path in (CHROMIUM, Path("/usr/bin/google-chrome")) if path.exists()), CHROMIUM)
# --no-sandbox where this is root, whom Chromium refuses otherwise; the only pages opened are files of this repository.
# Without a GPU and shared memory of the machine's, since containers have neither.
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip


class PageError(Exception):
    """Chromium, or the script of a page, has reported an error."""


class Tab:
    """One open page. A call waits for its answer, and keeps the events that come before it."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._unread = b""
        self._number = 0
        self._session = ""
        self.events: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command of the DevTools protocol, and return its result."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        _write_all(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if "method" in answer:
                self.events.append((answer["method"], answer["params"]))
            if answer.get("id") == self._number:
                break
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            received = os.read(self._answers, 1 << 16)
            if not received:
                raise PageError("Chromium has ended")
            self._unread += received
        answer, self._unread = self._unread.split(b"\0", 1)
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    def attach(self) -> None:
        """Open a tab, and speak to it from now on."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM", "Network"):
            self.call(f"{domain}.enable")

    def open(self, file: Path) -> None:
        """Load a file, and wait until its scripts have run."""
        self.call("Page.navigate", url=file.resolve().as_uri())
        while True:
            state = self.evaluate("document.readyState + ' ' + location.href")
            if state == f"complete {file.resolve().as_uri()}":
                return

    def evaluate(self, script: str) -> Any:
        """Run a script in the page; await its promise; return its value."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise PageError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def choose_files(self, element_id: str, files: Sequence[Path]) -> None:
        """Choose files in an input of the page, as its user would."""
        expression = f"document.getElementById({json.dumps(element_id)})"
        found = self.call("Runtime.evaluate", expression=expression)["result"]["objectId"]
        self.call("DOM.setFileInputFiles", files=[str(file.resolve()) for file in files], objectId=found)

    def errors(self) -> list[dict[str, Any]]:
        """Return what the console has shown: exceptions, refusals of the policy, messages of scripts."""
        shown = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [event for name, event in self.events if name in shown]

    def requests(self) -> list[str]:
        """Return the URLs that were asked for."""
        return [event["request"]["url"] for name, event in self.events if name == "Network.requestWillBeSent"]

    def screenshot(self, file: Path) -> None:
        """Write a picture of the whole page."""
        taken = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(taken["data"]))


def _write_all(descriptor: int, message: bytes) -> None:
    while message:
        message = message[os.write(descriptor, message) :]


@contextmanager
def chromium() -> Iterator[Tab]:
    """Start Chromium, and end it afterwards."""
    command_reader, commands = os.pipe()
    answers, answer_writer = os.pipe()
    profile = tempfile.mkdtemp(prefix="ringfence-chromium-")
    flags = [*FLAGS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    # Chromium expects the pipe at descriptors 3 and 4; a shell puts it there, whatever numbers it has here.
    shell = f'exec "$0" "$@" 3<&{command_reader} 4>&{answer_writer}'
    if max(command_reader, answer_writer) > 9:  # a shell takes one digit only; /dev/fd has every number
        shell = f'exec "$0" "$@" 3</dev/fd/{command_reader} 4>/dev/fd/{answer_writer}'
    browser = subprocess.Popen(
        ["/bin/sh", "-c", shell, str(BROWSER), *flags, "about:blank"],
        pass_fds=(command_reader, answer_writer), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(command_reader)
    os.close(answer_writer)
    tab = Tab(commands, answers)
    try:
        tab.attach()
        yield tab
    finally:
        os.close(commands)  # Chromium ends when its pipe is closed
        os.close(answers)
        try:
            browser.wait(10)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()
        shutil.rmtree(profile, ignore_errors=True)
