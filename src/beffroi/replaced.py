"""What a policy's remedy takes the place of in a town. Pure."""

from __future__ import annotations

import json
from typing import Any

from beffroi.fieldpath import dotted
from beffroi.messages import say
from beffroi.report.visible import one_line, shorten
from beffroi.verdict import Frozen

_SHOWN = 120


class Replaced(Frozen):
    """One value of the town's files that a policy's remedy takes the place of; both values are plain JSON.

    None stands for a value that is not there.
    """

    policy: str
    subject: str
    path: tuple[str | int, ...]
    was: Any
    becomes: Any

    @property
    def field(self) -> str:
        """Return the path as a person reads it: `hosts.db.stores.requests.mode`."""
        return dotted(self.path)

    @property
    def before(self) -> str:
        """Return what the files say, as JSON, which is YAML too."""
        return written(self.was)

    @property
    def after(self) -> str:
        """Return what the plan is made with, as JSON, which is YAML too."""
        return written(self.becomes)

    def told(self, place: object) -> str:
        """Say on one line what is replaced at a place (`file:line`), by what and by which policy."""
        values = {"before": shorten(self.before, _SHOWN), "after": shorten(self.after, _SHOWN)}
        return one_line(say("remedy-made", place=place, field=self.field, policy=self.policy, **values))


def written(value: Any) -> str:  # noqa: ANN401 - plain JSON
    """Return a plain value as it may be written in a town's file, on one line."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
