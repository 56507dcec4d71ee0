"""Every case, in the order of the table: importing a room registers its cases."""

from tests.tamper import on_records, on_trees, on_retention, on_signing, on_restores, controls, crash, misses  # noqa: F401, I001
from tests.tamper.case import CASES as CASES
