"""Files that a verb writes and another reads again: plans, decisions, what was last applied. JSON, read strictly.

They may have been edited, cut short or made by somebody else, so nothing of them is believed but what they prove.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

from pydantic import ValidationError

from beffroi.errors import InvalidInput
from beffroi.gate import Decision
from beffroi.messages import say
from beffroi.plan import FORM, Plan
from beffroi.report.visible import shorten
from beffroi.verdict import Frozen

MOST_BYTES = 32 * 1024 * 1024
"""The size of file that is still read; the plan of a thousand machines takes a hundredth of it."""

_Record = TypeVar("_Record", bound=Frozen)
_LONGEST_WORDS = 200


class _PlanFile(Frozen):
    digest: str
    plan: Plan


class _DecisionFile(Frozen):
    judgement: str
    decision: Decision


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan and its digest, whole or not at all."""
    write_record(path, _PlanFile(digest=plan.digest, plan=plan))


def read_plan(path: Path) -> Plan:
    """Return the plan of a file; raise InvalidInput when it is none, of another form, or not what its digest says."""
    text = _text(read_content(path), path)
    value = _json(text, path)
    plan = value.get("plan") if isinstance(value, dict) else None
    form = plan.get("form") if isinstance(plan, dict) else None
    if isinstance(form, int) and form != FORM:
        raise _refused(path, "plan-file-form", found=form, known=FORM)
    kept = _valid(_PlanFile, text, path)
    if kept.plan.digest != kept.digest:
        raise _refused(path, "plan-file-altered", written=shorten(kept.digest, 64), actual=kept.plan.digest)
    return kept.plan


def write_decision(path: Path, decision: Decision) -> None:
    """Write what the gate decided, whole or not at all."""
    write_record(path, _DecisionFile(judgement=decision.judgement, decision=decision))


def read_decision(path: Path, content: bytes | None = None) -> Decision:
    """Return the decision of a file; raise InvalidInput when it is none, or when its word is not what it found.

    `content` is what `read_content` returned of it, so that what was looked at is what is believed.
    """
    kept = _record(read_content(path) if content is None else content, path, _DecisionFile)
    if kept.judgement != kept.decision.judgement:
        found = kept.decision.judgement
        raise _refused(path, "decision-file-altered", written=shorten(kept.judgement, 20), actual=str(found))
    return kept.decision


def write_record(path: Path, record: Frozen) -> None:
    """Write a record's canonical JSON beside its place, then put it there: a reader sees the old file or the new."""
    text = json.dumps(record.model_dump(mode="json", by_alias=True), sort_keys=True, indent=1, ensure_ascii=False)
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".beffroi-", delete=False) as draft:
        name = Path(draft.name)
        try:
            draft.write(text + "\n")
            draft.flush()
            os.fsync(draft.fileno())
            name.chmod(0o644)  # nothing in it is secret, and CI hands it from one job to the next
            name.replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                name.unlink()
            raise


def read_record(path: Path, model: type[_Record]) -> _Record:
    """Return the record of a file; raise InvalidInput, with the place in it, when it is not one of `model`."""
    return _record(read_content(path), path, model)


def _record(content: bytes, path: Path, model: type[_Record]) -> _Record:
    text = _text(content, path)
    _json(text, path)
    return _valid(model, text, path)


def read_content(path: Path) -> bytes:
    """Return what a file holds; raise InvalidInput when there is none, or more of it than is read."""
    if not path.is_file():
        raise _refused(path, "record-missing")
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _refused(path, "record-too-large", most=MOST_BYTES // 1024 // 1024)
    return content


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(path, "record-not-utf8", line=content.count(b"\n", 0, error.start) + 1) from error


def _json(text: str, path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return the JSON value; a key twice is refused, since two readers could each believe another of its values."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _KeyTwiceError as error:
        raise _refused(path, "record-twice", name=shorten(str(error), 60)) from error
    except json.JSONDecodeError as error:
        raise _refused(path, "record-no-json", line=error.lineno, words=error.msg) from error
    except (ValueError, RecursionError) as error:
        raise _refused(path, "record-no-json", line=1, words=type(error).__name__) from error


class _KeyTwiceError(ValueError):
    """An object has a key twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _KeyTwiceError(next(name for name in names if names.count(name) > 1))
    return found


def _valid(model: type[_Record], text: str, path: Path) -> _Record:
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = shorten(".".join(map(str, first["loc"])), 120) or "-"
        raise _refused(path, "record-malformed", field=field, words=shorten(first["msg"], _LONGEST_WORDS)) from error


def _refused(path: Path, key: str, line: int | None = None, **names: Any) -> InvalidInput:  # noqa: ANN401 - say() takes anything
    where = f"{path}:{line}" if line else str(path)
    return InvalidInput(say(key, **names), where=where, hint=say("record-hint"))
