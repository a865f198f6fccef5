"""A text in two languages is not the same words twice: one of the two readers was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from beffroi.fieldpath import FieldPath

from . import Breach, Proposal, RuleModel

_LANGUAGES = {"fr", "en"}


class Params(RuleModel):
    """From how many `words` on: names and single words are often the same in both languages."""

    words: Annotated[int, Field(ge=1, le=50)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the texts that say the same in both languages, by the name of what they are written about."""
    for path, text in _texts((), proposal.city.model_dump(mode="json", by_alias=True)):
        if text["fr"] == text["en"] and len(text["fr"].split()) >= params.words:
            subject = str(path[1]) if len(path) > 1 else str(path[0])
            yield Breach(subject if path[0] != "flows" else _flow(proposal, path), path, {"text": text["fr"]})


def _flow(proposal: Proposal, path: FieldPath) -> str:
    return proposal.city.flows[int(path[1])].name


def _texts(path: FieldPath, value: Any) -> Iterator[tuple[FieldPath, dict[str, str]]]:  # noqa: ANN401 - plain JSON
    if isinstance(value, dict):
        if value.keys() == _LANGUAGES:
            yield path, value
            return
        for key, inner in value.items():
            yield from _texts((*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts((*path, index), inner)
