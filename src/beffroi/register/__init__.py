"""The register of processing activities (RGPD, article 30), from what is declared and the last verdicts. Pure.

It says what article 30 asks for, activity by activity, or where to declare what is missing; and for each security
measure the controls that prove it, with their last verdict and its date. It is no legal opinion.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from beffroi.declaration import Declaration

from .contents import contents
from .keeping import stores
from .model import Entry, Looked, Register
from .proofs import Proving, security

if TYPE_CHECKING:
    from beffroi.runs import Run

__all__ = ["Register", "build"]


def build(declared: Declaration, run: Run | None, made: date) -> Register:
    """Return the register as of the day `made`; without a `run`, nothing was ever looked at, and it says so."""
    city = declared.city
    proving = Proving(declared, run)
    entries = tuple(
        Entry(
            name=name,
            label=activity.label,
            form=activity.role,
            contents=contents(declared.written, name),
            security=security(proving, name),
            stores=stores(city, name),
            spot=declared.written.where(("processing", name)),
        )
        for name, activity in city.processing.items()
    )
    looked = Looked(started=run.started, finished=run.finished, plan=run.plan_digest) if run else None
    return Register(town=city.town.name, label=city.town.label, made=made, looked=looked, entries=entries)
