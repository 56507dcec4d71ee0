"""docs/tamper.md has every attack, control and known miss that is tried, each in the table of its kind."""

from tests.support import pages
from tests.tamper.case import Kind
from tests.tamper.cases import CASES
from tests.tamper.report import Line, heading_of, names_on_page


def test_the_tables_have_every_case_in_its_order_and_no_other() -> None:
    assert list(names_on_page().items()) == [
        (name, heading_of(case)) for kind in Kind for name, case in CASES.items() if case.kind is kind
    ]


def test_every_attack_on_the_page_was_caught() -> None:
    assert "**" not in pages.read("docs/tamper.md").partition("## Results")[2].partition("## What")[0]


def test_ci_tries_a_part_of_each_kind() -> None:
    assert {case.kind for case in CASES.values() if case.quick} == set(Kind)


def test_an_attack_is_good_only_if_everybody_who_must_has_caught_it() -> None:
    case = next(case for case in CASES.values() if case.by == ("signer", "verifier: since"))
    assert Line(case, {"signer": "", "verifier: since": "", "witness": ""}).is_good
    assert not Line(case, {"signer": ""}).is_good


def test_ordinary_work_and_known_misses_are_good_only_if_nobody_has_caught_them() -> None:
    for kind in (Kind.CONTROL, Kind.MISS):
        case = next(case for case in CASES.values() if case.kind is kind)
        assert Line(case, {}).is_good
        assert not Line(case, {"signer": ""}).is_good
