"""The examples of docs/capacity.md follow from its formula and from the figures that `make bench-space` wrote there."""

import math
import re

from app.settings import Settings
from bench.figures import shown as rounded
from tests.support import pages, walkthrough

PAGE = "docs/capacity.md"


def figures() -> dict[str, float]:
    """Return the measured figures, by what they are of."""
    section = walkthrough.section(pages.read(PAGE), "Measured")
    rows = re.findall(r"^\| (.+?) \| (?:\S* ?\| )?\**([\d.]+)\**(?: bytes| times)? \|$", section, re.MULTILINE)
    return {name.strip("*`"): float(value) for name, value in rows}


def gigabytes(size: float) -> str:
    """Return a size as the page has it."""
    return f"{size / 1e9:,.0f} GB" if size >= 1e9 else f"{size / 1e9:.1f} GB"


def test_the_tables_and_indexes_are_the_record_that_is_kept() -> None:
    section = walkthrough.section(pages.read(PAGE), "Measured")
    parts = [int(size) for size in re.findall(r"^\| `\w+` \| (?:table|index) \| (\d+) \|$", section, re.MULTILINE)]
    assert len(parts) > 10
    assert abs(sum(parts) - figures()["a record that is kept"]) <= len(parts)  # each is rounded


def test_each_example_follows_from_the_formula() -> None:
    found = figures()
    kept, checkpoint = found["a record that is kept"], found["a checkpoint"]
    pruned = {value for name, value in found.items() if name.startswith("a pruned record")}
    assert len(pruned) == 2
    assert found["records and their indexes, after a tenth was pruned and written anew 10 times"] <= 1.1
    section = walkthrough.section(pages.read(PAGE), "Examples")
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| (\d+) \| (.+) \|$", section, re.MULTILINE)
    assert len(rows) >= 5
    for *given, shown in rows:
        records, days, since, checkpoints, left = (int(number.replace(",", "")) for number in given)
        assert left in pruned
        sizes = [records * days * kept * 1.1, records * (since - days) * left, checkpoints * since * checkpoint]
        assert shown.split(" | ") == [*map(gigabytes, sizes), gigabytes(sum(sizes))]


def test_no_tenant_can_have_more_checkpoints_than_the_page_says() -> None:
    assert "172,800 checkpoints a day" in pages.read(PAGE).replace("\n", " ")
    interval = re.search(r"^\| `SIGNER_INTERVAL` \| ([\d.]+) \|", pages.read("docs/signing.md"), re.MULTILINE)
    assert interval is not None
    assert 24 * 3600 / float(interval[1]) == 172_800


def terabytes(size: float) -> str:
    """Return a size as the tables of growth have it."""
    if size >= 1e13:
        return f"{size / 1e12:,.0f} TB"
    return f"{size / 1e9:,.0f} GB" if size >= 1e10 else f"{size / 1e9:.1f} GB"


def rows_of(heading: str) -> list[list[str]]:
    """Return the cells of the rows below a heading whose first is a number."""
    section = walkthrough.section(pages.read(PAGE), heading)
    return [row.split(" | ") for row in re.findall(r"^\| (\d.*) \|$", section, re.MULTILINE)]


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_a_million_to_a_trillion_records_follow_from_the_formulas() -> None:
    log = re.search(
        r"write-ahead log a record.*execute, 32 connections \*\*([\d,]+)\*\*", pages.read("docs/performance.md")
    )
    assert log is not None
    assert "records * 2,000 bytes" in pages.read(PAGE)
    assert number(log[1]) <= 2200, "make bench counts more bytes of the write-ahead log than the page has"
    kept = figures()["a record that is kept"]
    rows = rows_of("A million to a trillion records")
    assert [number(row[0]) for row in rows] == [10**power for power in range(6, 13)]
    for first, *shown in rows:
        records = number(first)
        hashes, day = math.ceil(math.log2(records)), records / 2555
        assert shown == [
            terabytes(records * kept * 1.1), terabytes(records * 2000), str(hashes), f"{hashes * 32:,} bytes",
            f"{day:,.0f}", rounded(day / 86_400),
        ]  # fmt: skip


def test_one_to_a_thousand_tenants_follow_from_the_formulas() -> None:
    checkpoint = figures()["a checkpoint"]
    rows = rows_of("One to a thousand tenants")
    assert [number(row[0]) for row in rows] == [1, 10, 100, 1000]
    for first, *shown in rows:
        tenants = number(first)
        days = [tenants * 1440, tenants * 172_800]
        years = [f"{each * 365 * checkpoint / 1e9:,.1f} GB" for each in days]
        assert shown == [f"{days[0]:,}", years[0], f"{days[1]:,}", years[1]]


def test_connections_follow_from_the_settings() -> None:
    size = Settings.model_fields["database_pool_size"].default
    rows = [[number(cell) for cell in row] for row in rows_of("Connections")]
    assert rows == [[workers, workers * (size + 2), 20 + workers] for workers in (1, 4, 16, 64)]
