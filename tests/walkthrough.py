"""`make verify`: the README's own curl commands, run against a running service, each with its answer and PASS or FAIL.

The commands are read from the README's section "Verify with curl", so that they cannot go stale. In that section every
fenced `sh` block is either `export` lines, which set what the commands use, or steps. A step is one comment line that
says what is expected, and below it one curl command:

    # acme lists its records: 200, count >= 1
    curl -sS "$RINGFENCE_URL/api/v1/audit/logs" -H 'X-Tenant-ID: acme'

After the colon stands the HTTP status, then conditions on the JSON answer: `a.0.b = text` or `a >= number`. Where a
`json` block follows, it shows the answer; tests/test_readme.py compares that one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
SECTION = "Verify with curl"
SHOWN_CHARACTERS = 400
TIME_LIMIT_SECONDS = 30

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"# (?P<title>[^:]+): (?P<status>\d{3})(?P<conditions>(, [\w.]+ (= [^\s,]+|>= \d+))*)")
_CONDITION = re.compile(r"(?P<path>[\w.]+) (?P<relation>=|>=) (?P<value>[^\s,]+)")
_CURL_COULD_NOT_CONNECT = 7


class CannotVerify(Exception):
    """The walk-through cannot be run; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What one field of the answer must be. path: names and positions in the JSON, separated by dots."""

    path: str
    relation: str
    value: str

    def __str__(self) -> str:
        return f"{self.path} {self.relation} {self.value}"

    def holds(self, answer: Any) -> bool:
        """Whether `answer`, decoded JSON, has the field and it is as it must be."""
        found = answer
        for name in self.path.split("."):
            try:
                found = found[int(name)] if isinstance(found, list) else found[name]
            except (KeyError, IndexError, TypeError, ValueError):
                return False
        if self.relation == ">=":
            return isinstance(found, int) and found >= int(self.value)
        return (found if isinstance(found, str) else json.dumps(found)) == self.value


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the README. shown: the answer that the README shows for it, None where it shows none."""

    title: str
    status: int
    conditions: tuple[Condition, ...]
    command: str
    shown: Any = None


def section(readme: str, title: str) -> str:
    """Return the text of the README's section `title`, its heading left out."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        raise CannotVerify(f"the README has no section {title!r}")
    return found[1]


def parse(text: str) -> tuple[str, list[Step]]:
    """Return the export lines and the steps of the section's text. Raises CannotVerify for a block of neither kind."""
    exports: list[str] = []
    steps: list[Step] = []
    for block in _BLOCK.finditer(text):
        if block["language"] == "json" and steps and steps[-1].shown is None:
            last = steps[-1]
            steps[-1] = Step(last.title, last.status, last.conditions, last.command, json.loads(block["text"]))
        elif block["language"] == "sh" and all(line.startswith("export ") for line in block["text"].splitlines()):
            exports.append(block["text"])
        elif block["language"] == "sh":
            steps += [_step(lines) for lines in re.split(r"\n+(?=# )", block["text"].strip())]
        else:
            raise CannotVerify(f"a block of the README's section is not a step:\n{block[0]}")
    return "".join(exports), steps


def _step(lines: str) -> Step:
    comment, _, command = lines.partition("\n")
    expected = _EXPECTED.fullmatch(comment)
    if expected is None or not re.fullmatch(r"curl (.*\\\n)*.*", command):
        raise CannotVerify(f"this is not a step, a comment with what is expected and one curl command:\n{lines}")
    conditions = tuple(Condition(*match.groups()) for match in _CONDITION.finditer(expected["conditions"]))
    return Step(expected["title"], int(expected["status"]), conditions, command)


def exported(lines: str) -> dict[str, str]:
    """Run the export lines in bash; return the environment they leave, this process's own included."""
    done = subprocess.run(["bash", "-c", f"{lines}\nenv -0"], stdout=subprocess.PIPE, check=True)
    return dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)


def run(step: Step, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run the step's command; return the HTTP status and the body. Raises CannotVerify when curl gets no answer."""
    done = subprocess.run(
        ["bash", "-c", f"{step.command} --max-time {TIME_LIMIT_SECONDS} -w '\\n%{{http_code}}'"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == _CURL_COULD_NOT_CONNECT:
        raise CannotVerify(
            f"no service is listening at {environment['RINGFENCE_URL']}: start one with `make run` in another terminal,"
            " or set RINGFENCE_URL to where it listens"
        )
    if done.returncode != 0:
        raise CannotVerify(f"curl failed: {done.stderr.strip()}")
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def unmet(step: Step, status: int, body: str) -> list[str]:
    """Return what the answer does not keep of what the step expects; nothing, when it is as expected."""
    try:
        answer = json.loads(body)
    except json.JSONDecodeError:
        return ["a JSON answer"]
    wrong = [] if status == step.status else [f"status {step.status}"]
    return wrong + [str(condition) for condition in step.conditions if not condition.holds(answer)]


def ensure_curl() -> None:
    """Install curl where it is missing, as root; as anybody else, say which command would."""
    if shutil.which("curl"):
        return
    commands = [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "curl"]]
    if os.geteuid() != 0:
        raise CannotVerify("curl is missing; run: " + " && ".join(f"sudo {' '.join(command)}" for command in commands))
    print("Ringfence: installing curl", flush=True)
    for command in commands:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise CannotVerify(f"{' '.join(command)} failed:\n{done.stdout}")


def main() -> int:
    """Walk through; return 0 when every step passed."""
    failed: list[str] = []
    try:
        exports, steps = parse(section(README.read_text(), SECTION))
        ensure_curl()
        environment = exported(exports)
        for number, step in enumerate(steps, 1):
            status, body = run(step, environment)
            wrong = unmet(step, status, body)
            command = step.command.replace("\n", "\n   ")
            shown = body if len(body) <= SHOWN_CHARACTERS else f"{body[:SHOWN_CHARACTERS]}... ({len(body)} characters)"
            print(f"\n{number}. {step.title}\n   $ {command}\n   {status} {shown}")
            print(f"   FAIL: expected {', '.join(wrong)}" if wrong else "   PASS", flush=True)
            if wrong:
                failed.append(step.title)
    except CannotVerify as problem:
        print(f"FAIL  {problem}", file=sys.stderr)
        return 1
    if failed:
        print(f"\nFAIL  {len(failed)} of {len(steps)} steps: {'; '.join(failed)}")
        return 1
    print(f"\nPASS  {len(steps)} steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
