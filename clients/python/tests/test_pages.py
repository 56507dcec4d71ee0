"""The Python of the pages runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Service, Tenant

SOURCE = Path(__file__).parents[1]
BLOCKS = [
    (path.name, number, block)
    for path in [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL))
]


def test_every_page_has_code() -> None:
    assert {"README.md", "logging.md", "mcp.md", "langchain.md", "litellm.md"} == {name for name, _, _ in BLOCKS}


@pytest.mark.parametrize(("page", "number", "block"), BLOCKS, ids=[f"{name}-{number}" for name, number, _ in BLOCKS])
def test_the_code_of_a_page_records(
    page: str, number: int, block: str, service: Service, tenant: Tenant, tmp_path: Path
) -> None:
    environment = os.environ | {
        "RINGFENCE_URL": service.url, "RINGFENCE_API_KEY": tenant.key, "XDG_STATE_HOME": str(tmp_path)
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", block], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{page}, block {number}: {done.stderr}"
    assert tenant.records()
