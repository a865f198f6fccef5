"""Messages of the catalogue as texts in both languages. Pure."""

from __future__ import annotations

from beffroi.city import Text
from beffroi.messages import say


def spoken(key: str) -> Text:
    """Return a message in both languages."""
    return filled(key)


def filled(key: str, **names: Text | str) -> Text:
    """Return a message in both languages, each filled in with its own side of the texts."""
    sides = {
        language: say(
            key,
            language=language,
            **{name: value.of(language) if isinstance(value, Text) else value for name, value in names.items()},
        )
        for language in ("fr", "en")
    }
    return Text.model_construct(fr=sides["fr"], en=sides["en"])
