"""Write docs/vectors anew: `python -m tests.vectors.make_vectors`. Its seeds are fixed: the same bytes each time."""

from tests.vectors.bad import BAD
from tests.vectors.good import GOOD
from tests.vectors.rfc6962 import RFC6962
from tests.vectors.vectors import FOLDER, Vector, files_of

VECTORS: list[Vector] = [*GOOD, *BAD]


def main() -> None:
    """Replace every file but the README."""
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.iterdir():
        if file.suffix != ".md":
            file.unlink()
    for name, content in files_of(VECTORS, RFC6962).items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
