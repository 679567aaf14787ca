"""What people of a place are called and what they write: words as unevenly common as in a language, from a seed.

The commonest word is in about 30 % of texts, the thousandth in 0.1 %. There are at most 100,000 different texts, which
many people write: what a search costs depends on how many tweets have a word, not on how many texts are different.
"""

import itertools
import random
from collections.abc import Iterator
from typing import Final

_COMMONEST: Final = "the a to i and of is in it you that for my on me so was with this have just be at not but are we"
_ONSETS: Final = "b br c d f fl g gr h j k l m n p pl r s st t v"
_RHYMES: Final = "a ain al e ed en er i ing ish o on or ost u um und y"
_VOCABULARY: Final = 50_000
MOST_TEXTS: Final = 100_000
_MOST_CHARS: Final = 140


def make_words(seed: int) -> list[str]:
    """The commonest first."""
    chance = random.Random(seed)
    words = dict.fromkeys(_COMMONEST.split())
    onsets, rhymes = _ONSETS.split(), _RHYMES.split()
    while len(words) < _VOCABULARY:
        syllables = chance.randint(2, 3)
        words["".join(chance.choice(onsets) + chance.choice(rhymes) for _ in range(syllables))] = None
    return list(words)


def make_texts(words: list[str], seed: int, count: int) -> Iterator[str]:
    """``count`` texts of 4 to 20 words."""
    chance = random.Random(seed)
    weights = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(words))))
    for _ in range(count):
        text = " ".join(chance.choices(words, cum_weights=weights, k=chance.randint(4, 20)))
        yield text[:_MOST_CHARS].strip()


class Names:
    """Usernames and names, made of the rarer words."""

    def __init__(self, words: list[str]) -> None:
        self._words = words[len(_COMMONEST.split()) :]

    def of(self, number: int, chance: random.Random) -> tuple[str, str]:
        """The username, which nobody else has, and the name of the person of this number."""
        first, last = (self._words[int(chance.random() * len(self._words))] for _ in range(2))
        return f"{first}_{number}", f"{first.title()} {last.title()}"
