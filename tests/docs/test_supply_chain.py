"""What others make is pinned to what was looked at: actions by their commit, images by their digest."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it() -> None:
    used = re.findall(r"uses: (\S+)(.*)", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r"\s+# v\d+\.\d+\.\d+", comment), action


def test_the_base_image_is_pinned_to_a_patch_release_a_distribution_and_a_digest() -> None:
    base, *stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)
    assert stages == ["service", "service", "service", "${STAGE}"]


def test_the_container_of_the_workflow_is_pinned_by_its_digest() -> None:
    images = re.findall(r"container: (\S+)", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert images
    assert all(re.fullmatch(r"debian:bookworm-\d{8}@sha256:[0-9a-f]{64}", image) for image in images)


def test_the_cluster_of_the_workflow_is_pinned_to_a_patch_release_of_citus_and_a_major_one_of_postgresql() -> None:
    images = re.findall(r"image: (\S+)", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert images
    assert all(re.fullmatch(r"citusdata/citus:\d+\.\d+\.\d+-pg\d+", image) for image in images)


def test_the_version_is_the_newest_dated_one_of_the_changelog() -> None:
    versions = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    initial = (ROOT / "app" / "__init__.py").read_text()
    assert f'__version__ = "{versions[0]}"' in initial
