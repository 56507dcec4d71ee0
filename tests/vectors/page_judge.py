"""Judges test vectors with docs/verify.html, in one start of a headless Chromium, through the page's own form."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.chromium import PageError, Tab, chromium
from tests.vectors.page_policy import PAGE

VECTORS = Path(__file__).parents[2] / "docs" / "vectors"
_WAIT = """new Promise(done => {
  const look = () => document.getElementById("result").hidden ? setTimeout(look, 2) : done(true);
  document.getElementById("form").requestSubmit();
  look();
})"""
_READ = """({
  verdict: document.getElementById("verdict").dataset.verdict,
  why: document.querySelector("#verdict .why").textContent,
  claims: Array.from(document.querySelectorAll("#claims tr"), row => [
    row.dataset.state, row.dataset.claim, row.cells[2].textContent]),
})"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the page has shown. verdict: pass, fail or cannot-judge. claims: (state, claim, what was found)."""

    verdict: str
    why: str
    claims: list[tuple[str, str, str]]


def judge(vectors: Iterable[Mapping[str, Any]], folder: Path = VECTORS) -> dict[str, Judgement]:
    """Return what the page says of each vector, by its name."""
    with chromium() as tab:
        return {vector["name"]: _judge_one(tab, vector, folder) for vector in vectors}


def _judge_one(tab: Tab, vector: Mapping[str, Any], folder: Path) -> Judgement:
    tab.open(PAGE)
    tab.console.clear()
    _type(tab, "keys", "\n".join(vector["keys"]))
    if vector.get("leaf"):
        tab.evaluate("document.getElementById('kind-proof').click()")
        tab.choose_files("proof", [folder / vector["file"]])
        tab.choose_files("leaf", [folder / vector["leaf"]])
    else:
        tab.choose_files("bundle", [folder / vector["file"]])
        tab.choose_files("since", [folder / name for name in vector.get("since", ())])
    options = list(vector.get("options", ()))
    if "--window" in options:
        tab.evaluate("document.getElementById('window').click()")
        options.remove("--window")
    given = list(zip(options[::2], options[1::2], strict=True))
    _type(tab, "witnesses", "\n".join(value for name, value in given if name == "--witness"))
    _type(tab, "quorum", "".join(value for name, value in given if name == "--quorum"))
    tab.evaluate(_WAIT)
    shown = tab.evaluate(_READ)
    if tab.console:
        raise PageError(f"{vector['name']}: {tab.console}")
    return Judgement(shown["verdict"], shown["why"], [(state, claim, found) for state, claim, found in shown["claims"]])


def _type(tab: Tab, element_id: str, text: str) -> None:
    tab.evaluate(f"document.getElementById({json.dumps(element_id)}).value = {json.dumps(text)}")
