"""Finding a place by what a caller says. In memory, pure, milliseconds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psap.places.model import Kind, Place, Point, metres, point
from psap.places.spelling import Vocabulary
from psap.places.words import Said, read, words_of

LEAST = 0.5  # a score below is noise
MANY = 2_000  # entries of one word: from here on it only confirms what a rarer word found
SHORTLIST = 150  # candidates that are looked at closely
NEAR_BONUS, NEAR_M = 0.04, 3_000.0
CONTEXT = 0.85  # a word that names where the place lies, not the place
STREETLESS = 0.93  # "Jl." was said, and this is no street
UNKNOWN = 0.5  # what a word that nobody knows weighs, of the heaviest


@dataclass(frozen=True, slots=True)
class Found:
    """A place and how well it fits, 0 to 1."""

    place: Place
    score: float


@dataclass(frozen=True, slots=True)
class _Name:
    """One name of a place, as words; a place with aliases has several."""

    place: int
    words: frozenset[str]
    weight: float


class Gazetteer:
    """The places of one city, searchable."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.places: Sequence[Place] = tuple(places)
        spelt = [
            (index, tuple(word for word in words_of(name) if word != "jalan"))
            for index, place in enumerate(self.places)
            for name in (place.name, *place.aliases)
        ]
        count: dict[str, int] = {}
        for _, words in spelt:
            for word in set(words):
                count[word] = count.get(word, 0) + 1
        total = max(2, len(spelt))
        self._heaviest = math.log(1 + total)
        self._weight = {word: math.log(1 + total / many) for word, many in count.items()}
        self._names: list[_Name] = []
        self._having: dict[str, list[int]] = {}
        self._joined: dict[str, tuple[str, str]] = {}  # gajahmada: gajah, mada
        for index, words in spelt:
            if not words:
                continue
            at = len(self._names)
            self._names.append(_Name(index, frozenset(words), sum(self._weight[w] for w in set(words))))
            for word in set(words):
                self._having.setdefault(word, []).append(at)
            for one, other in itertools.pairwise(words):
                self._joined.setdefault(one + other, (one, other))
        self._vocabulary = Vocabulary([*count, *self._joined])
        contexts: dict[tuple[str | None, str | None], frozenset[str]] = {}
        self._context: list[frozenset[str]] = []
        for place in self.places:
            key = place.district, place.subdistrict
            if key not in contexts:
                contexts[key] = frozenset(word for part in key if part for word in words_of(part))
            self._context.append(contexts[key])

    def search(self, text: str, near: Point | None = None, limit: int = 10) -> tuple[list[Found], Said]:
        """The places that ``text`` may mean, best first, and what was understood of it."""
        said = read(text)
        best: dict[int, float] = {}
        for phrase in said.phrases:
            landmark = bool(said.where) and phrase == said.where
            for index, score in self._phrase(phrase, said).items():
                if said.street and not landmark and self.places[index].kind is not Kind.STREET:
                    score *= STREETLESS
                best[index] = max(best.get(index, 0.0), score)
        for words, kind in ((said.subdistrict, Kind.SUBDISTRICT), (said.district, Kind.DISTRICT)):
            for index, score in self._phrase(words, None).items() if words else ():
                if self.places[index].kind is kind:
                    best[index] = max(best.get(index, 0.0), score * (0.9 if said.phrases else 1.0))
        found = [
            Found(self.places[index], round(min(1.0, score + self._nearness(index, near)), 3))
            for index, score in best.items()
            if score >= LEAST
        ]
        found.sort(key=lambda each: (-each.score, len(each.place.name), each.place.name))
        return found[:limit], said

    def _nearness(self, index: int, near: Point | None) -> float:
        place = self.places[index]
        at = point(place.latitude, place.longitude)
        return 0.0 if near is None or at is None else NEAR_BONUS * math.exp(-metres(near, at) / NEAR_M)

    def _phrase(self, phrase: tuple[str, ...], said: Said | None) -> dict[int, float]:
        """Scores of the places that one group of words may mean, by their index."""
        asked = [self._meant(word) for word in self._rejoined(phrase)]
        total = sum(weight for _, weight in asked)
        if not total:
            return {}
        sums: dict[int, float] = {}
        for meant, weight in sorted(asked, key=lambda each: sum(len(self._having[w]) for w in each[0])):
            heavy = sum(len(self._having[word]) for word in meant) > MANY
            got: dict[int, float] = {}
            for word, sure in meant.items():
                names: Iterable[int] = self._having[word]
                if heavy and sums:
                    names = [at for at in sums if word in self._names[at].words]
                for at in names:
                    if sure > got.get(at, 0.0):
                        got[at] = sure
            for at, sure in got.items():
                sums[at] = sums.get(at, 0.0) + sure * weight
        shortlist = sorted(sums, key=sums.__getitem__, reverse=True)[:SHORTLIST]
        scores: dict[int, float] = {}
        for at in shortlist:
            name = self._names[at]
            score = self._close(name, asked, total, said)
            scores[name.place] = max(scores.get(name.place, 0.0), score)
        return scores

    def _close(
        self, name: _Name, asked: list[tuple[dict[str, float], float]], total: float, said: Said | None
    ) -> float:
        """How well one name answers: what of the question it explains, and what of itself was said."""
        context = self._context[name.place]
        explained, own = 0.0, set()
        for meant, weight in asked:
            hit = max(((sure, word) for word, sure in meant.items() if word in name.words), default=None)
            if hit is not None:
                explained += weight * hit[0]
                own.add(hit[1])
            elif any(word in context for word in meant):
                explained += weight * CONTEXT
        covered = sum(self._weight[word] for word in own) / name.weight
        score = explained / total * (0.65 + 0.35 * covered)
        if said is not None:
            for words in (said.subdistrict, said.district):
                if words:
                    score *= 1.0 if context.issuperset(words) else 0.9
        return score

    def _meant(self, word: str) -> tuple[dict[str, float], float]:
        """(words of names that a word may mean with how sure, its weight)."""
        meant = {known: sure for known, sure in self._vocabulary.like(word).items() if known in self._having}
        if not meant:
            return {}, self._heaviest * UNKNOWN
        best = max(meant.values())
        return meant, max(self._weight[known] for known, sure in meant.items() if sure == best)

    def _rejoined(self, phrase: tuple[str, ...]) -> list[str]:
        """Words written as one are taken apart, and those written as two joined, where names have them so."""
        out: list[str] = []
        skip = False
        for at, word in enumerate(phrase):
            if skip:
                skip = False
                continue
            after = phrase[at + 1] if at + 1 < len(phrase) else ""
            if (
                after
                and word + after in self._having
                and not (word in self._having and after in self._having)
            ):
                out.append(word + after)
                skip = True
                continue
            parts = self._apart(word) if word not in self._having else None
            out += parts or (word,)
        return out

    def _apart(self, word: str) -> tuple[str, str] | None:
        """``gajahmada`` as the two words of some name."""
        like = {known: sure for known, sure in self._vocabulary.like(word).items() if known in self._joined}
        if not like or max(like.values()) < 0.8:
            return None
        best = max(like, key=like.__getitem__)
        rival = max((s for k, s in self._vocabulary.like(word).items() if k in self._having), default=0.0)
        return self._joined[best] if like[best] > rival else None
