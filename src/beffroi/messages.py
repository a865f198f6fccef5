"""What the program says to a person, in French and in English.

Texts live in `locales/<language>/<area>.toml`, flat `key = "text with {name}"`; a test holds both languages to the
same keys and the same names. TOML is read by the standard library in about a millisecond, so that `beffroi check`
stays instant. The language never reaches a digest: messages are for eyes, values are for machines.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from importlib import resources

LANGUAGES = ("en", "fr")


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return every text of `language`, keyed by message; raise KeyError when two areas claim the same key."""
    texts: dict[str, str] = {}
    folder = resources.files("beffroi") / "locales" / language
    for area in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not area.name.endswith(".toml"):
            continue
        for key, text in tomllib.loads(area.read_text("utf-8")).items():
            if key in texts:
                raise KeyError(key)
            texts[key] = text
    return texts


def spoken_language() -> str:
    """Return the reader's language: BEFFROI_LANG, else the locale (LC_ALL, LC_MESSAGES, LANG), else English."""
    for variable in ("BEFFROI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")[:2].lower()
        if value:
            return value if value in LANGUAGES else "en"
    return "en"


def say(key: str, /, *, language: str | None = None, **names: object) -> str:
    """Return the text of `key` in the reader's language (or in `language`), its names filled in."""
    return catalogue(language or spoken_language())[key].format(**names)
