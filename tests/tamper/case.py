"""What happens to a scene, and what is demanded of it: attacks are caught, controls are silent, misses are missed."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tests.tamper.scene import Scene


class Kind(StrEnum):
    """What is demanded."""

    ATTACK = "attack"
    CONTROL = "control"
    MISS = "known miss"


@dataclass(frozen=True)
class Case:
    """One line of the table. by: who must catch it, of an attack. quick: whether CI tries it.

    happen: what is done; the scene is judged afterwards.
    """

    name: str
    kind: Kind
    happen: Callable[[Scene], None]
    by: tuple[str, ...] = ()
    quick: bool = False


CASES: dict[str, Case] = {}
"""By name, in the order of the table."""

Happening = Callable[[Scene], None]


def _register(case: Case) -> None:
    if case.name in CASES:
        raise ValueError(f"{case.name} stands there twice")
    CASES[case.name] = case


def attack(name: str, *by: str, quick: bool = False) -> Callable[[Happening], Happening]:
    """Register an attack that all of these must catch."""

    def register(happen: Happening) -> Happening:
        _register(Case(name, Kind.ATTACK, happen, by, quick))
        return happen

    return register


def control(name: str, *, quick: bool = False) -> Callable[[Happening], Happening]:
    """Register what is nothing but ordinary work."""

    def register(happen: Happening) -> Happening:
        _register(Case(name, Kind.CONTROL, happen, (), quick))
        return happen

    return register


def miss(name: str, *, quick: bool = False) -> Callable[[Happening], Happening]:
    """Register what nothing can catch, and docs/evidence.md says so."""

    def register(happen: Happening) -> Happening:
        _register(Case(name, Kind.MISS, happen, (), quick))
        return happen

    return register
