"""Words as they are meant: exact, begun, or misspelt, from a trigram index. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

SHORTEST_FUZZY = 4  # letters; shorter words are meant as they are written
SHORTEST_BEGUN = 3
MANY_BEGUN = 40
MANY_LIKE = 60  # candidates whose distance is computed
REMEMBERED = 4_096  # words


class Vocabulary:
    """Every word of a gazetteer, found also when it is begun or misspelt."""

    def __init__(self, words: Iterable[str]) -> None:
        self._sorted = sorted(set(words))
        self._known = frozenset(self._sorted)
        self._trigrams: dict[str, list[str]] = {}
        for word in self._sorted:
            for gram in _trigrams(word):
                self._trigrams.setdefault(gram, []).append(word)
        self.like = lru_cache(maxsize=REMEMBERED)(self._like)

    def __contains__(self, word: str) -> bool:
        return word in self._known

    def _like(self, word: str) -> dict[str, float]:
        """Words of the vocabulary that may be meant, each with how sure that is (0 to 1)."""
        found: dict[str, float] = {}
        if word in self._known:
            found[word] = 1.0
        if len(word) >= SHORTEST_BEGUN and not word.isdigit():
            at = bisect_left(self._sorted, word)
            for known in self._sorted[at : at + MANY_BEGUN]:
                if not known.startswith(word):
                    break
                found.setdefault(known, 0.6 + 0.35 * len(word) / len(known))
        if len(word) < SHORTEST_FUZZY or word.isdigit() or word in self._known:
            return found
        allowed = 1 if len(word) < 6 else 2
        shared = Counter(known for gram in _trigrams(word) for known in self._trigrams.get(gram, ()))
        for known, _ in shared.most_common(MANY_LIKE):
            if abs(len(known) - len(word)) > allowed or len(known) < SHORTEST_FUZZY:
                continue
            wrong = distance(word, known, allowed)
            if wrong <= allowed:
                sure = 1.0 - 0.9 * wrong / max(4.5, min(len(word), len(known)))
                found[known] = max(sure, found.get(known, 0.0))
        return found


def _trigrams(word: str) -> set[str]:
    padded = f"  {word} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def distance(one: str, other: str, limit: int) -> int:
    """Letters wrong, missing, too many or changed places (optimal string alignment); ``limit + 1``: more."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)
