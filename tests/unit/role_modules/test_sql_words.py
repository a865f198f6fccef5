from __future__ import annotations

from collections.abc import Callable
from types import ModuleType


def test_a_quote_in_a_name_or_in_a_text_ends_neither(part: Callable[[str], ModuleType]) -> None:
    words = part("sql_words")
    assert (words.name('a"; b'), words.text_of("l'eau")) == ('"a""; b"', "'l''eau'")
