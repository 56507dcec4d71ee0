"""The vectors of docs/vectors: what they are made of, and that app/verify judges each as it must.

That the page, Go's x/mod and aics-tlog judge them alike is what `make vectors` shows.
"""

from collections import Counter
from typing import Any

import pytest

from app.verify import ringfence_verify
from tests.vectors import judging
from tests.vectors.building import root, sha256
from tests.vectors.make_vectors import VECTORS
from tests.vectors.rfc6962 import LEAVES, RFC6962, ROOTS
from tests.vectors.vectors import EVERYBODY, FOLDER, files_of

INDEX = judging.vectors()
BY_NAME = {vector["name"]: vector for vector in INDEX}
STATUS = {"pass": 0, "fail": 1, "cannot-judge": 2}


def test_the_files_are_those_that_the_generator_makes_byte_for_byte() -> None:
    made = files_of(VECTORS, RFC6962)
    assert {file.name for file in FOLDER.iterdir() if file.suffix != ".md"} == made.keys()
    assert [name for name, content in made.items() if (FOLDER / name).read_bytes() != content] == []


def test_there_are_enough_of_them_and_they_stay_small() -> None:
    count = Counter(vector["verdict"] for vector in INDEX)
    assert count["pass"] >= 20
    assert count["fail"] >= 40
    assert count["cannot-judge"] >= 3
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 1_500_000


def test_every_claim_of_the_verifier_fails_in_some_vector() -> None:
    claims = set(ringfence_verify.BUNDLE_CLAIMS) | set(ringfence_verify.PROOF_CLAIMS)
    assert {vector["why"] for vector in INDEX if vector["verdict"] == "fail"} == claims


@pytest.mark.parametrize("judge", EVERYBODY)
def test_every_judge_accepts_some_and_refuses_some(judge: str) -> None:
    assert {vector["verdict"] for vector in INDEX if judge in vector["judges"]} >= {"pass", "fail"}


@pytest.mark.parametrize("vector", INDEX, ids=lambda vector: vector["name"])
def test_the_verifier_judges_each_vector_as_it_must(vector: dict[str, Any]) -> None:
    answer = judging.ask_ringfence(vector)
    assert (answer["verdict"], answer["status"]) == (vector["verdict"], STATUS[vector["verdict"]]), answer
    if vector["verdict"] == "fail":
        assert vector["why"] in [each["claim"] for each in answer["claims"] if each["state"] == "FAIL"]
    if vector["verdict"] == "pass":
        unchecked = {each["claim"] for each in answer["claims"] if each["state"] == "NOT CHECKED"}
        assert unchecked <= {"since", "witnesses", "private"}


def test_the_known_answers_of_rfc_6962_come_out_of_the_generator_and_of_the_verifier() -> None:
    hashes = [sha256(b"\x00", bytes.fromhex(leaf)) for leaf in LEAVES]
    assert [root(hashes[:size]).hex() for size in range(9)] == ROOTS
    for each in RFC6962["inclusion"]:  # type: ignore[attr-defined]
        found = ringfence_verify.root_of_proof(
            hashes[each["index"]], each["index"], each["size"], [bytes.fromhex(text) for text in each["hashes"]]
        )
        assert found.hex() == ROOTS[each["size"]]
    assert judging.judge_ringfence()["rfc6962"] == ("pass", "")


def test_a_judge_that_differs_is_named() -> None:
    agreed = judging.judge_ringfence()
    assert judging.disagreements({"ringfence": agreed}) == []
    lenient = agreed | {"bad-fork": ("pass", "")}
    assert judging.disagreements({"ringfence": lenient}) == ["bad-fork: ringfence says pass (), not fail since"]
    other_claim = agreed | {"bad-fork": ("fail", "root")}
    assert judging.disagreements({"ringfence": other_claim}) == ["bad-fork: ringfence says fail (root), not fail since"]
    silent = {name: verdict for name, verdict in agreed.items() if name != "good-since"}
    assert judging.disagreements({"ringfence": silent}) == ["good-since: ringfence says no verdict (), not pass "]
