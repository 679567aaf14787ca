"""In which language a text is, as far as searching has to know: to look for ``runs`` where ``running`` was asked for.

PostgreSQL brings a stemmer for each language named here. Which one fits a text is guessed from its script, and for
Latin letters from the commonest little words. A wrong guess costs only that other forms of a word are not found: the
word as it was written always is.
"""

from collections.abc import Sequence
from typing import Final

import regex

DICTIONARIES: Final[dict[str, str]] = {
    "ar": "arabic_stem",
    "da": "danish_stem",
    "de": "german_stem",
    "el": "greek_stem",
    "en": "english_stem",
    "es": "spanish_stem",
    "fi": "finnish_stem",
    "fr": "french_stem",
    "hi": "hindi_stem",
    "hy": "armenian_stem",
    "id": "indonesian_stem",
    "it": "italian_stem",
    "nl": "dutch_stem",
    "no": "norwegian_stem",
    "pt": "portuguese_stem",
    "ro": "romanian_stem",
    "ru": "russian_stem",
    "sv": "swedish_stem",
    "ta": "tamil_stem",
    "tr": "turkish_stem",
}
"""Languages and PostgreSQL's dictionaries for them: those that every version from 16 on has."""

_SCRIPTS: Final[dict[str, str]] = {
    "Cyrillic": "ru",
    "Greek": "el",
    "Arabic": "ar",
    "Devanagari": "hi",
    "Armenian": "hy",
    "Tamil": "ta",
}
_SCRIPT = regex.compile(
    "|".join(rf"(?P<{script}>\p{{{script}}})" for script in (*_SCRIPTS, "Latin")),
    regex.V1,
)

# Folded, and as far as possible not words of another language here.
_LITTLE_WORDS: Final[dict[str, str]] = {
    "en": "the and of is are was were you that this with for not have has be at it my we they what who your on",
    "de": "der die das und ist ich nicht ein eine zu den mit auf fur sich auch dem es wir sie aber wie noch im von",
    "fr": "le la les et est je pas un une des du que qui pour dans ce il elle nous vous sur avec mais au",
    "es": "el la los las es no un una de que en por con para se lo mi te del pero como muy esta yo al su",
    "pt": "os as nao um uma de que em por para se eu mas como muito esta do da no na voce ao meu",
    "it": "il lo la gli non un una di che in per con sono mi ma come questo della del ho si piu anche nel",
    "nl": "de het een en is niet ik van dat met voor op zijn ook maar je we er aan hij wat naar bij nog",
    "sv": "och det att en ett jag inte ar som pa med for av till den har vi men om var sa han hon fran",
    "da": "og det at en et jeg ikke er som pa med for af til den har vi men om var sa han hun fra hvad",
    "no": "og det at en et jeg ikke er som pa med for av til den har vi men om var sa han hun fra hva",
    "fi": "ja on ei se etta en han mutta niin kun ole minun mita olen nyt jos kuin tai vain myos",
    "tr": "ve bir bu da de icin ben cok ne var yok ile gibi ama mi sen daha kadar her",
    "id": "dan yang di ini itu dengan untuk tidak ada saya dari ke akan aku kamu juga bisa",
    "ro": "si este nu un de la cu pe in ca mai sa din sunt pentru care ce dar am",
}
_LANGUAGES_OF_LITTLE: Final[dict[str, tuple[str, ...]]] = {
    word: tuple(language for language, words in _LITTLE_WORDS.items() if word in words.split())
    for all_words in _LITTLE_WORDS.values()
    for word in all_words.split()
}


def guess_language(words: Sequence[str]) -> str | None:
    """The language of a text of these (folded) words; None where no stemmer fits."""
    votes: dict[str, int] = {}
    for word in words:
        if (script := _script_of(word)) is not None:
            votes[script] = votes.get(script, 0) + 1
    if not votes:
        return None
    script = max(votes, key=lambda name: (votes[name], name))
    return _guess_latin(words) if script == "Latin" else _SCRIPTS[script]


def languages_of(word: str) -> tuple[str, ...]:
    """The languages that a single word, asked for, may be in."""
    script = _script_of(word)
    if script is None:
        return ()
    return tuple(_LITTLE_WORDS) if script == "Latin" else (_SCRIPTS[script],)


def _script_of(word: str) -> str | None:
    first = word[:1]
    if first.isascii():
        return "Latin" if first.isalpha() else None
    found = _SCRIPT.match(first)
    return None if found is None else found.lastgroup


def _guess_latin(words: Sequence[str]) -> str:
    votes: dict[str, int] = {}
    for word in words:
        for language in _LANGUAGES_OF_LITTLE.get(word, ()):
            votes[language] = votes.get(language, 0) + 1
    # English stands first: it wins a draw, and is taken where there are no little words at all.
    most = max(votes.values(), default=0)
    return next(language for language in _LITTLE_WORDS if votes.get(language, 0) == most)
