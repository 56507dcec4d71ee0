"""docs/verify.html in a headless Chromium: it judges each vector as the verifier in Python does, and asks nobody."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.verify import ringfence_verify
from tests.support.chromium import BROWSER, Tab
from tests.vectors.page_judge import VECTORS, Judgement, judge, judge_one

INDEX: list[dict[str, Any]] = json.loads((VECTORS / "vectors.json").read_text())
JUDGED = [vector for vector in INDEX if "page" in vector["judges"]]
GOOD = next(vector for vector in INDEX if vector["name"] == "good-since")
PROOF = next(vector for vector in INDEX if vector["name"] == "good-proof-middle")
DROP = """(text => {
  const data = new DataTransfer();
  data.items.add(new File([text], "dropped.ndjson"));
  document.querySelector("[data-drop=bundle]").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
  return document.getElementById("bundle").files[0].name;
})"""  # noqa: E501


@pytest.fixture(scope="module")
def judgements() -> dict[str, Judgement]:
    """What the page says of each vector."""
    return judge(JUDGED)


def in_python(vector: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what the verifier in Python says of a vector."""
    file = str(VECTORS / vector["file"])
    arguments = ["--proof", file, "--leaf", str(VECTORS / vector["leaf"])] if vector["leaf"] else [file]
    for key in vector["keys"]:
        arguments += ["--key", key]
    for name in vector["since"]:
        arguments += ["--since", str(VECTORS / name)]
    ringfence_verify.main([*arguments, *vector["options"], "--json"])
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_chromium_is_there() -> None:
    assert BROWSER.exists(), "apt-get install chromium"


@pytest.mark.parametrize("vector", JUDGED, ids=lambda vector: vector["name"])
def test_the_page_reaches_the_verdict_of_the_index(vector: dict[str, Any], judgements: dict[str, Judgement]) -> None:
    found = judgements[vector["name"]]
    assert found.verdict == vector["verdict"], found
    if vector["verdict"] == "fail":
        assert vector["why"] in [claim for state, claim, _ in found.claims if state == "FAIL"]


@pytest.mark.parametrize("vector", JUDGED, ids=lambda vector: vector["name"])
def test_the_page_makes_the_claims_of_the_verifier(
    vector: dict[str, Any], judgements: dict[str, Judgement], capsys: pytest.CaptureFixture[str]
) -> None:
    said = in_python(vector, capsys)
    found = judgements[vector["name"]]
    assert found.verdict == said["verdict"]
    assert [claim[:2] for claim in found.claims] == [(claim["state"], claim["claim"]) for claim in said["claims"]]
    if said["verdict"] == "pass":
        assert [claim[2] for claim in found.claims] == [claim["found"] for claim in said["claims"]]


def test_the_page_names_what_is_not_proven_in_the_words_of_the_verifier(page: Tab) -> None:
    listed = "Array.from(document.querySelectorAll('#not-proven li'), item => item.textContent)"
    assert page.evaluate(listed) == [f"{each}." for each in ringfence_verify.NOT_PROVEN]
    judge_one(page, next(vector for vector in INDEX if vector["name"] == "good-window"))
    assert page.evaluate(listed)[0] == f"{ringfence_verify.NOT_PROVEN_WINDOW}."
    judge_one(page, PROOF)
    assert page.evaluate(listed)[0] == f"{ringfence_verify.NOT_PROVEN_RECORD}."


def test_without_a_key_it_cannot_be_judged(page: Tab) -> None:
    assert judge_one(page, GOOD).verdict == "pass"
    found = judge_one(page, {**GOOD, "keys": []})
    assert (found.verdict, found.why) == (
        "cannot-judge", "Give the log's public key; without it nothing is proven.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda key: key.replace("+a1d03f5e+", "+a1d03f5f+"), "is misspelled: its id is a1d03f5e, not a1d03f5f"),
        (lambda key: key.replace("+AbLK", "+BbLK"), "is not a log's"),
        (lambda key: key[:-1], "has base64 that is not canonical"),
    ],
)
def test_a_key_that_was_mistyped_cannot_be_judged(page: Tab, change: Callable[[str], str], why: str) -> None:
    assert judge_one(page, GOOD).verdict == "pass"
    found = judge_one(page, {**GOOD, "keys": [change(GOOD["keys"][0])]})
    assert found.verdict == "cannot-judge"
    assert why in found.why


@pytest.mark.parametrize("added", ["\n", "x", "x\n", '{"complete":true,"records":11}\n'])
def test_nothing_may_follow_the_last_line(page: Tab, tmp_path: Path, added: str) -> None:
    (tmp_path / "more.ndjson").write_text((VECTORS / GOOD["file"]).read_text() + added)
    assert judge_one(page, {**GOOD, "since": []}).verdict == "pass"
    assert _failed(judge_one(page, {**GOOD, "file": "more.ndjson", "since": []}, tmp_path)) == {"file"}


def test_a_statement_that_names_another_root_is_found_without_a_known_head(page: Tab, tmp_path: Path) -> None:
    vector = next(vector for vector in INDEX if vector["name"] == "good-three-epochs")
    assert judge_one(page, vector).verdict == "pass"
    text = (VECTORS / vector["file"]).read_text()
    (root,) = re.findall(r'"previous_epoch":2,"previous_size":\d+,"previous_root":"(\w+)","known_size":null', text)
    (tmp_path / "other.ndjson").write_text(text.replace(root, root[::-1]))
    assert _failed(judge_one(page, {**vector, "file": "other.ndjson"}, tmp_path)) == {"root", "epochs"}


def test_a_dropped_file_is_judged_as_a_chosen_one(page: Tab) -> None:
    judge_one(page, {**GOOD, "since": []})
    text = (VECTORS / GOOD["file"]).read_text()
    assert page.evaluate(f"{DROP}({json.dumps(text)})") == "dropped.ndjson"
    page.evaluate("start()")
    assert page.evaluate("document.getElementById('verdict').dataset.verdict") == "pass"
    page.evaluate(f"{DROP}({json.dumps(text.replace('LIVE', 'EVIL', 1))})")
    page.evaluate("start()")
    assert page.evaluate("document.getElementById('verdict').dataset.verdict") == "fail"


def test_text_of_the_file_is_shown_as_text(page: Tab, tmp_path: Path) -> None:
    text = (VECTORS / GOOD["file"]).read_text().replace('"tenant_id":"acme","id"', '"tenant_id":"<b>\u202eacme","id"')
    (tmp_path / "marked.ndjson").write_text(text)
    found = judge_one(page, {**GOOD, "file": "marked.ndjson", "since": []}, tmp_path)
    (shown,) = [what for state, claim, what in found.claims if (state, claim) == ("FAIL", "tenant")]
    assert "is of tenant <b>\\u{202e}acme" in shown
    assert page.evaluate("document.querySelectorAll('#claims b').length") == 0


def _failed(judgement: Judgement) -> set[str]:
    return {claim for state, claim, _ in judgement.claims if state == "FAIL"}
