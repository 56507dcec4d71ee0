"""Judges test vectors with docs/verify.html, in one start of a headless Chromium, through the page's own form."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.chromium import PageError, Tab, chromium
from tests.vectors.page_policy import PAGE

VECTORS = Path(__file__).parents[2] / "docs" / "vectors"
# As a user would fill in the form, but for the files.
_FILL = """(given => {
  const element = id => document.getElementById(id);
  element("form").reset();
  element(given.kind).click();
  for (const id of given.marks) element(id).click();
  for (const id of ["keys", "witnesses", "quorum"]) element(id).value = given[id];
})"""
_VERIFY = """new Promise(done => {
  const result = document.getElementById("result");
  const read = () => ({
    verdict: document.getElementById("verdict").dataset.verdict,
    why: document.querySelector("#verdict .why").textContent,
    claims: Array.from(document.querySelectorAll("#claims tr"), row => [
      row.dataset.state, row.dataset.claim, row.cells[2].textContent]),
  });
  result.hidden = true;
  new MutationObserver(() => result.hidden || done(read())).observe(result, {attributes: true});
  document.getElementById("form").requestSubmit();
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
        tab.open(PAGE)
        return {vector["name"]: judge_one(tab, vector, folder) for vector in vectors}


def judge_one(tab: Tab, vector: Mapping[str, Any], folder: Path = VECTORS) -> Judgement:
    """Return what the page that is open in the tab says of one vector."""
    options = list(vector.get("options", ()))
    marks = [option for option in ("--window", "--allow-gone") if option in options]
    options = [option for option in options if option not in marks]
    given = list(zip(options[::2], options[1::2], strict=True))
    filled = {
        "kind": "kind-proof" if vector.get("leaf") else "kind-bundle",
        "marks": [mark.removeprefix("--") for mark in marks],
        "keys": "\n".join(vector["keys"]),
        "witnesses": "\n".join(value for name, value in given if name == "--witness"),
        "quorum": "".join(value for name, value in given if name == "--quorum"),
    }
    tab.evaluate(f"{_FILL}({json.dumps(filled)})")
    if vector.get("leaf"):
        files = {"proof": [vector["file"]], "leaf": [vector["leaf"]]}
    else:
        files = {"bundle": [vector["file"]], "since": vector.get("since", ())}
    for element, names in files.items():
        if names:
            tab.choose_files(element, [folder / name for name in names])
    shown = tab.evaluate(_VERIFY)
    if errors := tab.errors():
        raise PageError(f"{vector['name']}: {errors}")
    return Judgement(shown["verdict"], shown["why"], [(state, claim, found) for state, claim, found in shown["claims"]])
