"""`make vectors`: four programs judge every vector of docs/vectors; exit status 1 if one reaches another verdict.

ringfence: app/verify. page: docs/verify.html in a headless Chromium. go: golang.org/x/mod of Debian. aics: aics-tlog of
PyPI, in a virtual environment of its own. A vector names the judges that have words for it. Missing system packages are
installed by root; any other user is shown the command. `--check NAME ...` runs these judges alone.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.verify import ringfence_verify
from tests.support.chromium import BROWSER
from tests.vectors import page_judge
from tests.vectors.rfc6962 import LEAVES, ROOTS
from tests.vectors.vectors import EVERYBODY, FOLDER, INDEX

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".data" / "vectors"
GO = Path("/usr/bin/go")
GO_MODULES = Path("/usr/share/gocode/src/golang.org/x/mod")
PACKAGES = {
    "golang-go": GO,
    "golang-golang-x-mod-dev": GO_MODULES / "sumdb/tlog/tlog.go",
    "chromium": BROWSER,
}
LOCK = ROOT / "requirements" / "vectors.lock"
Verdicts = dict[str, tuple[str, str]]
"""{vector: (verdict, why)}"""


def install_system_packages() -> None:
    """Install missing system packages where this is root; otherwise exit with the command that would."""
    missing = [package for package, file in PACKAGES.items() if not file.exists()]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        sys.exit(f"missing system packages; run: sudo apt-get update && sudo {' '.join(command)}")
    print(f"Ringfence: installing {', '.join(missing)}", flush=True)
    for step in (["apt-get", "update"], command):
        subprocess.run(
            step, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdout=subprocess.DEVNULL, check=True
        )


def vectors() -> list[dict[str, Any]]:
    """Return the entries of the index."""
    entries: list[dict[str, Any]] = json.loads((FOLDER / INDEX).read_text())
    return entries


def arguments_for(vector: dict[str, Any], folder: Path = FOLDER) -> list[str]:
    """Return the command line that asks the verifier about a vector."""
    arguments = [word for key in vector["keys"] for word in ("--key", key)]
    arguments += [word for name in vector["since"] for word in ("--since", str(folder / name))]
    arguments += vector["options"]
    if vector["leaf"]:
        return [*arguments, "--proof", str(folder / vector["file"]), "--leaf", str(folder / vector["leaf"])]
    return [*arguments, str(folder / vector["file"])]


def ask_ringfence(vector: dict[str, Any], folder: Path = FOLDER) -> dict[str, Any]:
    """Return what app/verify says of a vector, as `--json` prints it, and its exit status."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = ringfence_verify.main([*arguments_for(vector, folder), "--json"])
    answer: dict[str, Any] = json.loads(output.getvalue())
    return answer | {"status": status}


def judge_ringfence() -> Verdicts:
    """Ask app/verify, and compute the known answers with its tree."""
    verdicts = {}
    for vector in vectors():
        answer = ask_ringfence(vector)
        failed = [each["claim"] for each in answer["claims"] if each["state"] == "FAIL"]
        verdicts[vector["name"]] = (answer["verdict"], " ".join(failed) or answer.get("why", ""))
    tree = ringfence_verify.Tree()
    found = [tree.root().hex()]
    for leaf in LEAVES:
        tree.add(ringfence_verify.leaf_hash(bytes.fromhex(leaf)))
        found.append(tree.root().hex())
    verdicts["rfc6962"] = ("pass" if found == ROOTS else "fail", "")
    return verdicts


def judge_page() -> Verdicts:
    """Ask docs/verify.html. The known answers of RFC 6962 are no file that it takes."""
    found = {}
    for name, judgement in page_judge.judge(vectors()).items():
        failed = [claim for state, claim, _ in judgement.claims if state == "FAIL"]
        found[name] = (judgement.verdict, " ".join(failed) or judgement.why)
    return found


def judge_go() -> Verdicts:
    """Build tests/vectors/go/judge.go with Debian's packages alone, and run it."""
    WORK.mkdir(parents=True, exist_ok=True)
    program = WORK / "judge"
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(WORK), "GOCACHE": str(WORK / "go-cache"), "GOPATH": "/usr/share/gocode",
        "GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off", "CGO_ENABLED": "0",
    }  # fmt: skip
    source = str(Path(__file__).parent / "go" / "judge.go")
    subprocess.run([str(GO), "build", "-o", str(program), source], env=environment, check=True)
    return _read(subprocess.run([str(program), str(FOLDER)], capture_output=True, check=True).stdout)


def judge_aics() -> Verdicts:
    """Install aics-tlog from its lock file, and run tests/vectors/aics_judge.py."""
    folder = WORK / f"aics-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    installed = folder / "installed"
    if not installed.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        # It asks for Python 3.12, and its tests pass on 3.11: this project's oldest, and Debian 12's.
        options = ["--no-deps", "--ignore-requires-python", "--require-hashes", "--only-binary", ":all:"]
        subprocess.run([str(python), "-m", "pip", "install", "-q", *options, "-r", str(LOCK)], check=True)
        installed.touch()
    judge = str(Path(__file__).parent / "aics_judge.py")
    return _read(subprocess.run([str(python), judge, str(FOLDER)], capture_output=True, check=True).stdout)


def _read(output: bytes) -> Verdicts:
    return {name: (found["verdict"], found["why"]) for name, found in json.loads(output).items()}


JUDGES: dict[str, Callable[[], Verdicts]] = {
    "ringfence": judge_ringfence, "page": judge_page, "go": judge_go, "aics": judge_aics,
}  # fmt: skip


def disagreements(found: dict[str, Verdicts]) -> list[str]:
    """Return a line for each verdict that is missing, or is another than the vector's."""
    wrong = []
    known = {
        "name": "rfc6962",
        "verdict": "pass",
        "why": "",
        "judges": [judge for judge in EVERYBODY if judge != "page"],
    }
    for vector in [*vectors(), known]:
        for judge in vector["judges"]:
            if judge not in found:
                continue
            verdict, why = found[judge].get(vector["name"], ("no verdict", ""))
            # Only our two say which claim fails; the others fail for the fault that they have words for.
            claim = judge in ("ringfence", "page") and vector["verdict"] == "fail" and vector["why"] not in why.split()
            if verdict != vector["verdict"] or claim:
                wrong.append(
                    f"{vector['name']}: {judge} says {verdict} ({why}), not {vector['verdict']} {vector['why']}"
                )
    return wrong


def print_table(found: dict[str, Verdicts]) -> None:
    """Print one line a vector: the verdict, the claim that fails, and what each judge said."""
    width = max(len(vector["name"]) for vector in vectors())
    print(f"{'vector':<{width}}  {'verdict':<12}  {'claim':<10} ", *(f"{judge:<12}" for judge in found))
    for vector in vectors():
        said = [found[judge][vector["name"]][0] if judge in vector["judges"] else "-" for judge in found]
        print(
            f"{vector['name']:<{width}}  {vector['verdict']:<12}  {vector['why']:<10} ",
            *(f"{each:<12}" for each in said),
        )


def main() -> int:
    """Ask each judge, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description="Let four programs judge the vectors of docs/vectors.")
    parser.add_argument("--check", nargs="+", choices=JUDGES, default=list(JUDGES), help="these judges alone")
    chosen = parser.parse_args().check
    install_system_packages()
    found = {judge: JUDGES[judge]() for judge in chosen}
    print_table(found)
    wrong = disagreements(found)
    asked = {judge: sum(judge in vector["judges"] for vector in vectors()) for judge in chosen}
    print(f"\n{len(vectors())} vectors; judged:", ", ".join(f"{judge} {count}" for judge, count in asked.items()))
    print("\n".join(wrong) or "All judges agree.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
