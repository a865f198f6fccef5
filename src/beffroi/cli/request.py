"""`beffroi request`: what would it take to say yes?"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from beffroi import declaration, yamlfile
from beffroi.city.loader import load as load_town
from beffroi.declaration import Declaration
from beffroi.errors import CouldNotAct, InvalidCity, InvalidInput
from beffroi.explain import explain
from beffroi.fieldpath import dotted
from beffroi.limits import within
from beffroi.messages import say, spoken_language
from beffroi.policy import load_policies
from beffroi.request import Draft, Edited, Wish, draft, edited, questions, read_wish, unlike
from beffroi.request.answer import Answer, brought, watching
from beffroi.request.wish import merged
from beffroi.review import Review
from beffroi.reviewing import Proposed, Question, faulty, review, version
from beffroi.yamlfile import Document

from .interview import interview
from .options import declared, json_option, town_argument
from .request_options import wish_options, wished

_File = click.Path(path_type=Path, dir_okay=False)


@click.group(help=say("cli-request-help"), short_help=say("cli-request-short"))
def command() -> None:
    """Group what is done about requests."""


@command.command(help=say("cli-request-new-help"))
@town_argument
@click.option("--request", "file", type=_File, help=say("request-file-option"))
@wish_options
@click.option("--out", type=_File, help=say("request-out-option"))
@click.option("--diff", "patch", type=_File, help=say("request-diff-option"))
@click.option("--write", "in_place", is_flag=True, help=say("request-write-option"))
@click.option("--no-questions", is_flag=True, help=say("request-no-questions-option"))
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help=say("review-today-option"))
@json_option
def new(
    town: Path,
    root: Path | None,
    profile: str,
    file: Path | None,
    out: Path | None,
    patch: Path | None,
    today: datetime | None,
    *,
    in_place: bool,
    no_questions: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401 - one a field of the wish
) -> int:
    """Propose a change of the town."""
    standing = declared(town, root, profile)
    said = {name.removeprefix("wish_"): value for name, value in options.items()}
    wish = _wish(standing, file, wished(said), ask=not no_questions and not as_json and sys.stdin.isatty())
    day = (today or datetime.now(UTC)).date()
    with within(seconds=120, mebibytes=4096):
        answer = answered(standing, wish, day)
    _tell(answer, standing, out, patch, as_json=as_json)
    if in_place:
        _write(answer, standing.folder)
    return answer.exit_code


def _wish(standing: Declaration, file: Path | None, said: dict[str, Any], *, ask: bool) -> Wish:
    """Return the wish of the file with the options on top; raise InvalidInput for what has not its form."""
    document, written = read_wish(file) if file else (None, {})
    whole = merged(written, said)
    wish = validated(whole, document)
    return interview(wish, whole, standing.city) if ask else wish


def validated(whole: dict[str, Any], document: Document | None = None) -> Wish:
    """Return the fields as a wish; raise InvalidInput that names the field."""
    try:
        return Wish.model_validate(whole, by_alias=True, by_name=False)
    except ValidationError as error:
        if document is not None:
            raise InvalidCity(document.problems(error, model=Wish)) from error
        _, reason, hint = explain(error, known={}, model=Wish)[0]
        raise InvalidInput(reason, where=dotted(error.errors()[0]["loc"]), hint=hint) from error


def answered(standing: Declaration, wish: Wish, today: date) -> Answer:
    """Return the answer to a wish: the change is made in a copy of the town, and the gate is asked about the copy."""
    made = draft(wish, standing.city)
    name = standing.city.town.name
    if made is None:
        return Answer(name, wish, questions(wish, standing.city))
    files = {path.name: _text(path) for path in sorted(standing.folder.glob("[!.]*.yml"))}
    edits = edited(load_town(standing.folder, shown_as="."), files, made.additions)
    with tempfile.TemporaryDirectory(prefix="beffroi-request-") as folder:
        copy = Path(folder) / "town"
        copy.mkdir(mode=0o700)
        for file, text in {**files, **{edit.name: edit.after for edit in edits}}.items():
            (copy / file).write_text(text, "utf-8", newline="")
        _require_kept(standing.folder, copy, edits)
        found, controls = _judged(standing, copy, wish, today)
    return Answer(name, wish, made.questions, made, edits, found, controls)


def _text(path: Path) -> str:
    """Return a file's text to the letter; one that a reader would not take was refused with the town already."""
    with path.open(encoding="utf-8", newline="") as stream:
        return stream.read()


def _require_kept(folder: Path, copy: Path, edits: tuple[Edited, ...]) -> None:
    """Raise CouldNotAct unless each edited file says what it said and the additions, and nothing else."""
    for edit in edits:
        try:
            before = yamlfile.read(folder / edit.name, shown_as=edit.name).value
            after = yamlfile.read(copy / edit.name, shown_as=edit.name).value
        except InvalidCity:
            before = after = None
        if before is None or unlike(before, after, edit.additions):
            raise CouldNotAct(say("request-not-edited"), where=edit.name, hint=say("request-not-edited-hint"))


def _judged(standing: Declaration, copy: Path, wish: Wish, today: date) -> tuple[Review, tuple[Any, ...]]:
    policies = load_policies(standing.root)
    before = version(standing, policies)
    try:
        proposed = declaration.load(
            copy, root=standing.root, profile=standing.profile, shown_as=standing.folder.as_posix()
        )
    except InvalidCity as error:
        return faulty(standing.city.town.name, error), ()
    found = review(Proposed(version(proposed, policies), before), Question(today=today))
    controls = tuple(proposed.controls.values())
    return found, (
        *brought(standing.desired, proposed.desired, controls),
        *watching(proposed.desired, proposed.city, wish, controls),
    )


def _tell(answer: Answer, standing: Declaration, out: Path | None, patch: Path | None, *, as_json: bool) -> None:
    from beffroi.report.request_markdown import markdown  # noqa: PLC0415 - only when it is told

    language = spoken_language()
    text = markdown(answer, language, standing.place)
    if out is not None:
        out.write_text(text, "utf-8")
    if patch is not None:
        patch.write_text(answer.difference(standing.place), "utf-8", newline="")
    if as_json:
        click.echo(json.dumps(_plain(answer, standing, text), sort_keys=True))
    elif out is None:
        click.echo(text, nl=False)
    else:
        click.echo(say("request-told-at", path=out))


def _plain(answer: Answer, standing: Declaration, text: str) -> dict[str, Any]:
    made: Draft | None = answer.draft
    return {
        "town": answer.town,
        "flow": made.flow if made else None,
        "questions": [each.field for each in answer.questions],
        "judgement": answer.review.judgement if answer.review else None,
        "review": answer.review.model_dump(mode="json") if answer.review else None,
        "diff": answer.difference(standing.place),
        "pull_request": text,
    }


def _write(answer: Answer, folder: Path) -> None:
    """Write the change into the town's files, unless an answer is missing or they hold mistakes or moved on."""
    if answer.questions or answer.review is None or answer.review.faults:
        raise InvalidInput(
            say("request-not-written", count=len(answer.questions)), hint=say("request-not-written-hint")
        )
    real = {edit.name: Path(os.path.realpath(folder / edit.name)) for edit in answer.edits}
    for edit in answer.edits:
        if _text(real[edit.name]) != edit.before:
            raise CouldNotAct(say("request-moved-on"), where=edit.name, hint=say("request-moved-on-hint"))
    for edit in answer.edits:
        path = real[edit.name]
        draft_file = path.with_name(f".{path.name}.{os.getpid()}")
        draft_file.write_text(edit.after, "utf-8", newline="")
        draft_file.chmod(path.stat().st_mode & 0o777)
        draft_file.replace(path)
        click.echo(say("request-written", path=folder / edit.name), err=True)
