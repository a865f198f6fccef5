"""Check: the program's inputs held to the model, before anything is done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from beffroi.messages import say
from beffroi.provider.shape import covers, patterns, seal, settle
from beffroi.provider.wire import Path, reveal_struct, spell, unknown_paths


@dataclass(frozen=True)
class Failure:
    """One input that the model refuses: where, and why."""

    at: Path
    reason: str

    @property
    def property(self) -> str:
        """The path as Pulumi writes it."""
        return spell(self.at)


@dataclass(frozen=True)
class Checked:
    """The inputs to record (canonical, secrets wrapped) and what is wrong with them."""

    inputs: dict[str, object]
    failures: list[Failure]


def check(model: type[BaseModel], news: Mapping[str, object]) -> Checked:
    """Hold `news` to `model`. What depends on a value not known yet is not judged now: up checks again."""
    settled = settle(model, news)
    return Checked(seal(settled, patterns(model, "secret")), failures(model, settled))


def failures(model: type[BaseModel], properties: Mapping[str, object]) -> list[Failure]:
    """Return what `model` refuses in `properties`, leaving out what a value not known yet may still mend."""
    unknown = list(unknown_paths(dict(properties)))
    try:
        model.model_validate(reveal_struct(properties))
    except ValidationError as refusal:
        errors = [(error, _path(error["loc"])) for error in refusal.errors(include_url=False, include_input=False)]
        return [Failure(at, reason(error)) for error, at in errors if not _undecided(at, unknown)]
    except Exception:
        # A validator of the model met UNKNOWN where it expects a value: nothing can be said before up.
        if not unknown:
            raise
    return []


def reason(error: ErrorDetails) -> str:
    """Return why the model refuses, in a sentence; for an unexpected property, what to do about it."""
    if error["type"] == "extra_forbidden":
        return say("provider-unexpected-property", name=error["loc"][-1])
    if error["type"] == "missing":
        return say("provider-missing-property", name=error["loc"][-1])
    return error["msg"].removeprefix("Value error, ")


def shows_secret(model: type[BaseModel], failure: Failure) -> bool:
    """Tell whether Pulumi would print a secret by naming this property: it shows the refused value."""
    return any(covers(pattern, failure.at) for pattern in patterns(model, "secret"))


def _path(location: tuple[int | str, ...]) -> Path:
    # "[key]" is how pydantic says that a dictionary's key, not its value, is at fault.
    return tuple(step for step in location if step != "[key]")


def _undecided(at: Path, unknown: list[Path]) -> bool:
    return any(all(a == b for a, b in zip(at, path, strict=False)) for path in unknown)
