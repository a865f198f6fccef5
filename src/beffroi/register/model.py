"""The register as a value: what the pages, the tables and the JSON all show. Pure."""

from __future__ import annotations

import json
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from beffroi.city import Text
from beffroi.verdict import Frozen, Outcome


class State(StrEnum):
    """Whether a content of article 30 is stated, said to be none (where it applies to some only), or missing."""

    STATED = "stated"
    NONE = "none"
    MISSING = "missing"


class Content(Frozen):
    """One content of the register: the provision that asks for it, its name in the catalogue, and what is declared.

    Where it is missing, `field` is what to declare and `spot` the file and line where to declare it.
    """

    provision: str
    name: str
    state: State
    values: tuple[Text, ...] = ()
    field: str = ""
    spot: str = ""


class Standing(StrEnum):
    """What can be said of a security line; what nobody could look at comes first, then what was found not to hold."""

    UNSEEN = "unseen"
    WORDS = "words"
    FAILING = "failing"
    WAIVED = "waived"
    ELSEWHERE = "elsewhere"
    PROVED = "proved"


UNPROVED = (Standing.UNSEEN, Standing.ELSEWHERE, Standing.WORDS)
"""What is declared and was not shown to hold: said before anything else."""


class Proof(Frozen):
    """One control on one machine of the activity: its last verdict and when; no `outcome` where there was never any."""

    control: str
    title: Text
    host: str
    outcome: Outcome | None
    when: datetime | None = None
    reason: str = ""


class SecurityLine(Frozen):
    """A measure that the activity declares, or a control (`control`) that the town holds itself to, with its proofs."""

    text: Text
    control: str = ""
    proofs: tuple[Proof, ...] = ()
    standing: Standing

    @property
    def fails(self) -> bool:
        """Tell whether a control that it rests on fails on some machine."""
        return any(proof.outcome == Outcome.FAIL for proof in self.proofs)

    @property
    def gravest(self) -> Standing:
        """Return the standing to show among what does not hold: a failure before what could not be looked at."""
        return Standing.FAILING if self.fails else self.standing


class KeptStore(Frozen):
    """A store of an activity: on which host, encrypted or not, copied by whom, or itself where copies are kept."""

    name: str
    label: Text
    host: str
    encrypted: bool
    copies: bool
    copied_by: tuple[str, ...] = ()


class Entry(Frozen):
    """One processing activity: `form` says under which paragraph of article 30 the town keeps it, (1) or (2)."""

    name: str
    label: Text
    form: Literal["controller", "processor"]
    contents: tuple[Content, ...]
    security: tuple[SecurityLine, ...]
    stores: tuple[KeptStore, ...]
    spot: str

    def missing(self) -> tuple[Content, ...]:
        """Return the contents that article 30 asks for and that nobody declared."""
        return tuple(content for content in self.contents if content.state == State.MISSING)

    def unproved(self) -> tuple[SecurityLine, ...]:
        """Return the security lines that are declared and were not shown to hold."""
        return tuple(line for line in self.security if line.standing in UNPROVED)

    def broken(self) -> tuple[SecurityLine, ...]:
        """Return the security lines of which something fails or is waived, whatever else could not be looked at."""
        return tuple(line for line in self.security if line.fails or line.standing == Standing.WAIVED)

    def proved(self) -> tuple[SecurityLine, ...]:
        """Return the security lines that hold on every machine that was looked at."""
        return tuple(line for line in self.security if line.standing == Standing.PROVED)


class Looked(Frozen):
    """The verification whose verdicts are cited."""

    started: datetime
    finished: datetime
    plan: str


class Register(Frozen):
    """The register of one town, as of the day `made`."""

    town: str
    label: Text
    made: date
    looked: Looked | None
    entries: tuple[Entry, ...]

    def of_form(self, form: str) -> tuple[Entry, ...]:
        """Return the activities of one form, `controller` or `processor`."""
        return tuple(entry for entry in self.entries if entry.form == form)

    @property
    def exit_code(self) -> int:
        """Return 1 when a content is missing or a control fails, 2 when something could not be looked at, else 0."""
        lines = [line for entry in self.entries for line in entry.security]
        if any(line.fails for line in lines) or any(entry.missing() for entry in self.entries):
            return 1
        return 2 if self.looked is None or any(line.standing == Standing.UNSEEN for line in lines) else 0


def to_json(register: Register) -> str:
    """Return the whole register as JSON: sorted keys, ASCII, the same bytes for the same register."""
    return json.dumps(register.model_dump(mode="json"), sort_keys=True, ensure_ascii=True, indent=1) + "\n"
