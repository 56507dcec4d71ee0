"""`make verify`: the curl commands of the pages, run against a running service, each with its answer and PASS or FAIL.

The commands are read from SECTIONS, so that the pages cannot go stale. In these sections every fenced `sh` block is
either lines that set variables (`export`, or `.` with the file of `make run`), or steps. A step is one comment line
that says what is expected, and below it one curl command:

    # acme lists its records: 200, count >= 1
    curl -sS "$RINGFENCE_URL/api/v1/audit/logs" -H "Authorization: Bearer $ACME_API_KEY"

After the colon stands the HTTP status, then conditions on the JSON answer: `a.0.b = text` or `a >= number`. Of an
answer that is lines of text, `lines.0` is the first line. A `json` block that follows shows the answer;
tests/docs/test_curl_walkthrough.py compares it. A request that is answered with Retry-After is sent again. A step may
also run this project's verifier on what the step before has saved: `exit 0` then stands for the status.

RINGFENCE_URL, ACME_API_KEY, GLOBEX_API_KEY and ACME_VKEY come from the environment, else from .data/demo.env. For a
service that takes the tenant's name from a header, the commands send that header instead of a key. Without ACME_VKEY
there is no signer to ask, and the steps of evidence are left out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.local.__main__ import DEMO_FILE
from app.local.demo import read as read_demo_file
from app.model.credential import HEADER

ROOT = Path(__file__).parents[2]
SECTIONS = (("README.md", "Verify with curl"), ("docs/http.md", "Verify with curl"))
"""(page, heading), in the order in which they are run."""
EVIDENCE_SECTION = ("docs/evidence.md", "Verify with curl")
"""The same, where there is a signer."""
SHOWN_CHARACTERS = 400
TIME_LIMIT_SECONDS = 30
MAX_ATTEMPTS = 10
"""Of a request that is answered with Retry-After."""

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"# (?P<title>[^:]+): (?P<status>\d{3}|exit \d)(?P<conditions>(, [\w.]+ (= [^\s,]+|>= \d+))*)")
_CONDITION = re.compile(r"(?P<path>[\w.]+) (?P<relation>=|>=) (?P<value>[^\s,]+)")
_SETTING = re.compile(r"export .*|\. \.data/demo\.env.*")
_BEARER = re.compile(r"""["']Authorization: Bearer \$([A-Z]+)_API_KEY["']""")
_CURL_COULD_NOT_CONNECT = 7
_CURL = re.compile(r"curl (.*\\\n)*.*")
_VERIFIER = re.compile(r"\.venv/bin/python -m app\.verify (.*\\\n)*.*")


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
    """One command of a page. shown: the answer that the page shows for it, None if it shows none.

    status: of HTTP, or the verifier's exit status.
    """

    title: str
    status: int
    conditions: tuple[Condition, ...]
    command: str
    shown: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What curl got. challenge, retry_after: headers, None where there is none. Of the verifier, what it printed."""

    status: int
    body: str
    challenge: str | None = None
    retry_after: int | None = None


def section(page: str, title: str) -> str:
    """Return the text of the section `title` of a page's text, without its heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if found is None:
        raise CannotVerify(f"the page has no section {title!r}")
    return found[1]


def sections(*, evidence: bool = False) -> str:
    """Return the text of SECTIONS. evidence: that of EVIDENCE_SECTION as well."""
    wanted = (*SECTIONS, EVIDENCE_SECTION) if evidence else SECTIONS
    return "".join(section((ROOT / page).read_text(), title) for page, title in wanted)


def parse(text: str) -> tuple[str, list[Step]]:
    """Return the export lines and the steps of the sections' text. Raises CannotVerify for a block of neither kind.

    The line that reads the file of `make run` is for people; here the environment goes before that file.
    """
    exports: list[str] = []
    steps: list[Step] = []
    for block in _BLOCK.finditer(text):
        if block["language"] == "json" and steps and steps[-1].shown is None:
            last = steps[-1]
            steps[-1] = replace(last, shown=json.loads(block["text"]))
        elif block["language"] == "sh" and all(_SETTING.fullmatch(line) for line in block["text"].splitlines()):
            exports += [line for line in block["text"].splitlines() if line.startswith("export ")]
        elif block["language"] == "sh":
            steps += [_step(lines) for lines in re.split(r"\n+(?=# )", block["text"].strip())]
        else:
            raise CannotVerify(f"a block of the walk-through is not a step:\n{block[0]}")
    return "\n".join(exports), steps


def _step(lines: str) -> Step:
    comment, _, command = lines.partition("\n")
    expected = _EXPECTED.fullmatch(comment)
    if expected is None or not (_VERIFIER if expected["status"].startswith("exit") else _CURL).fullmatch(command):
        raise CannotVerify(f"this is not a step, a comment with what is expected and one curl command:\n{lines}")
    conditions = tuple(Condition(*match.groups()) for match in _CONDITION.finditer(expected["conditions"]))
    return Step(expected["title"], int(expected["status"].removeprefix("exit ")), conditions, command)


def with_named_tenants(steps: list[Step]) -> list[Step]:
    """Return the steps for a service that takes the tenant's name in place of its key, and asks for no key."""
    kept = [step for step in steps if step.status != 401]
    keyless = next(step for step in steps if step.status == 401 and "Authorization" not in step.command)
    missing = (Condition("type", "=", "urn:ringfence:problem:tenant-missing"),)
    nameless = Step("a request without a tenant is refused", 400, missing, keyless.command)
    kept.insert(steps.index(keyless), nameless)

    def named(command: str) -> str:
        return _BEARER.sub(lambda key: f"'X-Tenant-ID: {key[1].lower()}'", command)

    # An answer that is shown is a service's that asks for keys.
    return [replace(step, command=named(step.command), shown=None) for step in kept]


def fitting(steps: list[Step], environment: Mapping[str, str]) -> list[Step]:
    """Return `steps` as the service wants its tenants told. Raises CannotVerify when it wants keys that are not set."""
    health = run(Step("", 200, (), 'curl -sS "$RINGFENCE_URL/api/v1/health/db"'), environment)
    try:
        header = json.loads(health.body)["tenant_source"] == HEADER
    except (json.JSONDecodeError, KeyError, TypeError):
        raise CannotVerify(f"{environment['RINGFENCE_URL']} is no Ringfence: health/db answers {health.body}") from None
    if header:
        print("The service takes the tenant from X-Tenant-ID: the commands send that in place of a key.")
        return with_named_tenants(steps)
    missing = [name for name in ("ACME_API_KEY", "GLOBEX_API_KEY") if not environment.get(name)]
    if missing:
        raise CannotVerify(
            f"the service wants API keys, and there is no {' and no '.join(missing)}: `make run` writes both to"
            f" {DEMO_FILE}; for another service issue keys of the tenants acme and globex with `python -m app.admin`,"
            " and set the two variables"
        )
    return steps


def exported(lines: str) -> dict[str, str]:
    """Run the export lines in bash; return the environment they leave: this process's own, else DEMO_FILE's."""
    own = {name: value for name, value in os.environ.items() if value}
    known = {"RINGFENCE_URL": "http://127.0.0.1:8000", **read_demo_file(DEMO_FILE), **own}
    done = subprocess.run(["bash", "-c", f"{lines}\nenv -0"], env=known, stdout=subprocess.PIPE, check=True)
    return dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)


def run(step: Step, environment: Mapping[str, str]) -> Answer:
    """Run the step's command and return what it got. Raises CannotVerify when curl gets no answer."""
    if _VERIFIER.fullmatch(step.command):
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return Answer(done.returncode, (done.stdout or done.stderr).decode())
    for _ in range(MAX_ATTEMPTS):
        answer = _request(step, environment)
        if answer.status == step.status or answer.retry_after is None:
            break
        time.sleep(answer.retry_after)
    return answer


def _request(step: Step, environment: Mapping[str, str]) -> Answer:
    options = f"--max-time {TIME_LIMIT_SECONDS} -D - -w '\\n%{{http_code}} %{{size_header}}'"
    done = subprocess.run(
        ["bash", "-c", f"{step.command} {options}"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode == _CURL_COULD_NOT_CONNECT:
        raise CannotVerify(
            f"no service is listening at {environment['RINGFENCE_URL']}: start one with `make run` in another terminal,"
            " or set RINGFENCE_URL to where it listens"
        )
    if done.returncode != 0:
        raise CannotVerify(f"curl failed: {done.stderr.decode().strip()}")
    output, _, measured = done.stdout.rpartition(b"\n")
    status, size = map(int, measured.split())
    challenge = re.search(rb"^www-authenticate: *(.*?)\r?$", output[:size], re.MULTILINE | re.IGNORECASE)
    retry_after = re.search(rb"^retry-after: *(\d+)\r?$", output[:size], re.MULTILINE | re.IGNORECASE)
    texts = output[size:].decode(), challenge[1].decode() if challenge else None
    return Answer(status, *texts, int(retry_after[1]) if retry_after else None)


def unmet(step: Step, answer: Answer) -> list[str]:
    """Return what the answer does not keep of what the step expects; nothing, when it is as expected."""
    try:
        content = json.loads(answer.body)
    except json.JSONDecodeError:
        content = {"lines": answer.body.splitlines()}
    wrong = [] if answer.status == step.status else [f"status {step.status}"]
    if answer.status == 401 and not (answer.challenge or "").startswith("Bearer"):  # RFC 9110: every 401 has one
        wrong.append("WWW-Authenticate: Bearer")
    return wrong + [str(condition) for condition in step.conditions if not condition.holds(content)]


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
        with_evidence = bool(exported("").get("ACME_VKEY"))
        if not with_evidence:
            print("ACME_VKEY is not set, so nobody here signs checkpoints: the steps of evidence are left out.")
        exports, steps = parse(sections(evidence=with_evidence))
        ensure_curl()
        environment = exported(exports)
        steps = fitting(steps, environment)
        for number, step in enumerate(steps, 1):
            answer = run(step, environment)
            wrong = unmet(step, answer)
            command = step.command.replace("\n", "\n   ")
            body = answer.body
            # What the verifier does not prove stands at its end.
            is_short = len(body) <= SHOWN_CHARACTERS or _VERIFIER.fullmatch(step.command)
            shown = body if is_short else f"{body[:SHOWN_CHARACTERS]}... ({len(body)} characters)"
            print(f"\n{number}. {step.title}\n   $ {command}\n   {answer.status} {shown}")
            if answer.challenge is not None:
                print(f"   WWW-Authenticate: {answer.challenge}")
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
