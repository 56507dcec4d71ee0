"""Which files of db/tests are tried first on a weakening: those that are likely to notice it, and take little time.

A run on an intact database has shown which functions each of them calls. What noticed a weakening is expected to notice
others with like names.
"""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from pathlib import Path

from tests.mutations.catalogue import Mutation

_REMEMBERED = 300  # attempts: like names come soon after each other
_BODY = re.compile(r"CREATE OR REPLACE FUNCTION audit\.(\w+)\(")
_UNLIKELY = 0.02  # that a file notices a weakening, before anything is known of it and of like ones
_OUT_OF_REACH = 0.01  # what is left of that where a file has nothing to do with the function that is weakened


class Choice:
    """The order in which files are tried. It leaves none out.

    costs: the seconds that each takes. calls: the functions of schema audit that each calls, by name.
    """

    def __init__(self, costs: Mapping[Path, float], calls: Mapping[Path, frozenset[str]]) -> None:
        self._costs = costs
        self._words = {file: frozenset(re.findall(r"\w{4,}", file.stem + file.read_text())) for file in costs}
        # A call that is refused is not counted, so names count too.
        self._touched = {file: calls[file] | words for file, words in self._words.items()}
        self._read_the_catalogue = {file for file in costs if not calls[file]}
        self._files_with = Counter(word for words in self._words.values() for word in words)
        self._attempts: deque[tuple[frozenset[str], list[Path], Path | None]] = deque(maxlen=_REMEMBERED)

    def order(self, mutation: Mutation) -> list[Path]:
        """Return all files, the most promising first."""
        words = _words(mutation)
        tried: defaultdict[Path, float] = defaultdict(float)
        caught: defaultdict[Path, float] = defaultdict(float)
        for known, passed, catcher in list(self._attempts):
            both = len(words & known)
            weight = (both / (len(words) + len(known) - both)) ** 2
            for file in passed:
                tried[file] += weight
            if catcher:
                tried[catcher] += weight
                caught[catcher] += weight
        relevance = self._relevance(words)
        promise = {
            file: self._reach(mutation, file)
            * (caught[file] + _UNLIKELY + 0.3 * relevance[file])
            / (tried[file] + 1)
            / cost
            for file, cost in self._costs.items()
        }
        return sorted(promise, key=lambda file: promise[file], reverse=True)

    def learn(self, mutation: Mutation, passed: list[Path], catcher: Path | None) -> None:
        """Remember which files passed over a weakening, and which noticed it."""
        self._attempts.append((_words(mutation), passed, catcher))

    def _relevance(self, name: frozenset[str]) -> dict[Path, float]:
        """How much of the words of a name each file has, from 0 to 1; a word that few files have counts for more."""
        weights = {word: 1 / self._files_with[word] for word in name if self._files_with[word]}
        whole = sum(weights.values()) or 1
        return {
            file: sum(weight for word, weight in weights.items() if word in words) / whole
            for file, words in self._words.items()
        }

    def _reach(self, mutation: Mutation, file: Path) -> float:
        body = _BODY.match(mutation.weakening)
        if not body or body[1] in self._touched[file] or file in self._read_the_catalogue:
            return 1
        return _OUT_OF_REACH


def _words(mutation: Mutation) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", mutation.name))
