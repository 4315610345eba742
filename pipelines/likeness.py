"""Which texts are much alike: the share of their shingles that two have in common (Jaccard), found without comparing
each with each. What becomes of texts that are alike is decided in ``consolidate``.

A text is sketched (MinHash), and sketches that agree in a band are candidates, which are then measured by their
shingles. Work grows with the texts and not with their square, even where all repeat the same words: a band that
``CROWD`` texts have says nothing but what all of them say, so it remembers no more of them, and of all candidates only
the ``COMPARED`` most alike are measured. Two texts that have more in common than with the crowd meet in another band.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

SHINGLE_WORDS = 4
BANDS, BAND_SIZE = 16, 4
"""Texts that share half of their shingles agree in a band with a probability of 64 %, of four fifths with 99.98 %."""
CROWD = 32
COMPARED = 24
_LEAST_ESTIMATE = 0.3
"""An estimate is coarse, so what is measured begins below what counts as alike."""
_KEPT_WORDS, _KEPT_SHINGLES = 2**16, 2**12
"""How many digests of words and texts are at hand: what is not, is made again."""
_ODD = np.uint64(0x9E3779B97F4A7C15)

_WORD = re.compile(r"\w+")
_Digests = npt.NDArray[np.uint64]


class Likeness:
    """Texts that are compared with those that were remembered before. ``read`` gives the text of a number,
    ``shelves`` the shelf of each: only texts of the same one are compared.
    """

    def __init__(self, read: Callable[[int], str], shelves: Sequence[Hashable]) -> None:
        self._shingles = lru_cache(maxsize=_KEPT_SHINGLES)(lambda number: shingles(read(number)))
        self._sketches = _sketches(read, len(shelves))
        self._bands = _bands(self._sketches, shelves)
        self._texts: defaultdict[int, list[int]] = defaultdict(list)

    def near(self, number: int) -> dict[int, float]:
        """Those remembered that are most like text ``number``, with the share of shingles in common, 0 to 1."""
        met = np.array(
            sorted({other for band in self._bands[number] for other in self._texts.get(band, ())}), dtype=int
        )
        if not met.size:
            return {}
        estimates = (self._sketches[met] == self._sketches[number]).mean(axis=1)
        best = np.argsort(-estimates, kind="stable")[:COMPARED]
        likely = met[best[estimates[best] >= _LEAST_ESTIMATE]]
        own = self._shingles(number)
        return {other: jaccard(own, self._shingles(other)) for other in likely.tolist()}

    def remember(self, number: int) -> None:
        """Let later texts be compared with text ``number``."""
        for band in self._bands[number]:
            if len(texts := self._texts[band]) < CROWD:
                texts.append(number)


def shingles(text: str) -> _Digests:
    """Digests of all runs of ``SHINGLE_WORDS`` words, each once, sorted; of all words where a text has fewer."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    digests = np.fromiter(map(_digest, words), np.uint64, len(words))
    length = min(SHINGLE_WORDS, len(words))
    runs = np.zeros(len(words) - length + 1, np.uint64)
    for start in range(length):  # a polynomial, modulo 2⁶⁴
        runs = runs * _ODD + digests[start : start + runs.size]
    return np.unique(runs)


def jaccard(one: _Digests, other: _Digests) -> float:
    """The share of two sets of digests that both have."""
    both = np.intersect1d(one, other, assume_unique=True).size
    return float(both / (one.size + other.size - both))


@lru_cache(maxsize=_KEPT_WORDS)
def _digest(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")


def _sketches(read: Callable[[int], str], texts_n: int) -> npt.NDArray[np.uint32]:
    """A row a text: the same from run to run, and as alike from one to the other as the texts are."""
    from datasketch import MinHash  # late: it takes longer to load than ten documents to judge

    first = MinHash(BANDS * BAND_SIZE, seed=1, hashfunc=int, scheme="affine64")
    found = np.empty((texts_n, BANDS * BAND_SIZE), np.uint32)
    for number in range(texts_n):
        sketch = first.copy()
        sketch.update_batch(shingles(read(number)).tolist())
        found[number] = sketch.hashvalues >> np.uint64(32)  # half of each value, and of the memory
    return found


def _bands(sketches: npt.NDArray[np.uint32], shelves: Sequence[Hashable]) -> list[list[int]]:
    """The bands of each text as digests, without those that no other text of the shelf has."""
    places = {shelf: place for place, shelf in enumerate(dict.fromkeys(shelves))}
    shelf = np.array([places[shelf] for shelf in shelves], np.uint64)
    values = sketches.reshape(-1, BANDS, BAND_SIZE)
    digests = np.arange(BANDS, dtype=np.uint64) + (shelf * np.uint64(BANDS))[:, None]
    for place in range(BAND_SIZE):
        digests = (digests + values[:, :, place]) * _ODD
        digests ^= digests >> np.uint64(29)
    _, inverse, counts = np.unique(digests, return_inverse=True, return_counts=True)
    is_shared = (counts[inverse] > 1).reshape(digests.shape)
    return [row[own].tolist() for row, own in zip(inverse.reshape(digests.shape), is_shared, strict=True)]
