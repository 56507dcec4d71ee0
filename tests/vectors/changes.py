"""Makes bad vectors: of a tree, or of a text in which something was replaced."""

from collections.abc import Sequence
from typing import Any

from tests.vectors.building import Leaf, Tree, bundle
from tests.vectors.vectors import Vector


def changed(text: str, old: str, new: str) -> str:
    """Return the text with the first occurrence of `old` replaced; there must be one, and it must make a difference."""
    assert old in text, old
    assert old != new
    return text.replace(old, new, 1)


def put(leaves: Sequence[Leaf], index: int, leaf: Leaf) -> list[Leaf]:
    """Return the leaves with one replaced."""
    return [*leaves[:index], leaf, *leaves[index + 1 :]]


def bad(name: str, why: str, content: str | bytes | Tree | Sequence[Tree], about: str = "", **more: Any) -> Vector:
    """Return a vector whose claim `why` must fail. content: a file, or the trees of a bundle."""
    if isinstance(content, Tree):
        content = bundle(content)
    elif not isinstance(content, str | bytes):
        content = bundle(*content)
    return Vector(f"bad-{name}", content, "fail", why, about, **more)


def unjudged(name: str, content: str | bytes, about: str = "", **more: Any) -> Vector:
    """Return a vector of which nothing can be said."""
    return Vector(f"unjudged-{name}", content, "cannot-judge", "", about, **more)
