"""The small typed words that the city's models are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=63)]
"""A name in the model: lower case, digits and single hyphens, as a DNS label (RFC 1035 section 2.3.1)."""

SegmentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=15)]
"""A segment's name: also its interface's name on hosts, which Linux limits to 15 bytes (IFNAMSIZ)."""

Line = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+$")
]
"""One line for people to read: no control characters, no bidirectional overrides (they could forge a report)."""


Whole = Annotated[int, Field(strict=True)]
"""A whole number written as one: `true`, `"10"` and `10.0` are mistakes, not numbers."""

Flag = Annotated[bool, Field(strict=True)]
"""`true` or `false`: `yes`, `on` and `1` are other words, and YAML's versions do not agree on them."""


class Declared(BaseModel):
    """What every part of the model has in common: frozen values, and no field that the model does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, str_strip_whitespace=True)


class Text(Declared):
    """A text in the town's two languages."""

    fr: Annotated[Line, Field(description="the text in French")]
    en: Annotated[Line, Field(description="the text in English")]

    def of(self, language: str) -> str:
        """Return the text in `language` (`fr` or `en`)."""
        return self.fr if language == "fr" else self.en


class Function(Declared):
    """A function in the town's organisation. Persons appear in the model as functions only."""

    label: Text
    contact: Annotated[str | None, Field(description="functional mailbox or telephone, never a person's own")] = None
