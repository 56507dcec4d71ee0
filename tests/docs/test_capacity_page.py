"""The examples of docs/capacity.md follow from its formula and from the figures that `make bench-space` wrote there."""

import re

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
