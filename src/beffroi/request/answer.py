"""The answer to a wish: the proposed change, what the gate says of it, what it brings, what is missing. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from beffroi.city import City
from beffroi.control import Control
from beffroi.desired import DesiredState
from beffroi.gate import Judgement
from beffroi.review import Review

from .edit import Edited
from .proposal import Draft
from .questions import Asked
from .wish import Wish

FRAMEWORK = "rgpd"


@dataclass(frozen=True)
class Brought:
    """A control that machines are held to from now on, or otherwise than before; `watches` where it did already."""

    control: Control
    machines: tuple[str, ...]
    watches: bool = False


@dataclass(frozen=True)
class Answer:
    """What there is to say to whoever asked. Without a `draft`, only `questions` can be said."""

    town: str
    wish: Wish
    questions: tuple[Asked, ...]
    draft: Draft | None = None
    edits: tuple[Edited, ...] = ()
    review: Review | None = None
    controls: tuple[Brought, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return the gate's status; 1 while something is still to be answered."""
        if self.questions or self.review is None:
            return 1
        return self.review.exit_code

    @property
    def acceptable(self) -> bool:
        """Tell whether nothing is missing and the gate accepts the change."""
        return not self.questions and self.review is not None and self.review.judgement == Judgement.ACCEPTED

    def difference(self, folder: str) -> str:
        """Return the change of the town's files as a unified diff, as `git apply` takes it."""
        return "".join(line for edit in self.edits for line in _difference(edit, folder))


def brought(before: DesiredState, after: DesiredState, controls: Iterable[Control]) -> tuple[Brought, ...]:
    """Return the controls whose settings the change makes or alters, and on which machines."""
    known = {(check.host, check.control): check.settings for check in before.checks}
    changed: dict[str, list[str]] = {}
    for check in after.checks:
        if known.get((check.host, check.control)) != check.settings:
            changed.setdefault(check.control, []).append(check.host)
    by_name = {control.id: control for control in controls}
    return tuple(Brought(by_name[name], tuple(hosts)) for name, hosts in changed.items())


def watching(desired: DesiredState, city: City, wish: Wish, controls: Iterable[Control]) -> tuple[Brought, ...]:
    """Return the controls for personal data that already look at the managed ends of the flow."""
    ends = [name for name in city.machines() if name in {*wish.source, *wish.destination}]
    asked = {(check.host, check.control) for check in desired.checks}
    found = []
    for control in controls:
        machines = tuple(name for name in ends if (name, control.id) in asked)
        if FRAMEWORK in control.maps and machines:
            found.append(Brought(control, machines, watches=True))
    return tuple(found)


def _difference(edit: Edited, folder: str) -> Iterator[str]:
    path = f"{folder}/{edit.name}" if folder else edit.name
    lines = difflib.unified_diff(
        edit.before.splitlines(keepends=True), edit.after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
