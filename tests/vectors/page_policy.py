"""The hashes in the policy of docs/verify.html; `python -m tests.vectors.page_policy` writes them after a change."""

import base64
import hashlib
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "verify.html"


def hash_of(page: str, element: str) -> str:
    """Return the hash of the page's only script or style, as a policy names it."""
    (text,) = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def with_hashes(page: str) -> str:
    """Return the page with the hashes of its script and style as they are."""
    for element in ("script", "style"):
        page = re.sub(rf"{element}-src '[^']*'", f"{element}-src '{hash_of(page, element)}'", page, count=1)
    return page


if __name__ == "__main__":
    PAGE.write_text(with_hashes(PAGE.read_text()))
