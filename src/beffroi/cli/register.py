"""`beffroi register`: what does the town do with personal data, and what of it is proved?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from beffroi import runs
from beffroi.declaration import Declaration
from beffroi.errors import InvalidInput
from beffroi.messages import LANGUAGES, say, spoken_language
from beffroi.register import build
from beffroi.register.model import Register, to_json
from beffroi.report.visible import one_line
from beffroi.runs import Run
from beffroi.state import StackState

from .options import declared, json_option, stack_option, town_argument, works

_SHOWN = 12
"""Lines of one sort told on the terminal; the pages tell all."""

_OURS = b'<meta name="generator" content="Beffroi'


@click.command(help=say("cli-register-help"), short_help=say("cli-register-short"))
@town_argument
@stack_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("register"), help=say("cli-register-out-option"))
@json_option
def command(town: Path, root: Path | None, profile: str, stack: str | None, out: Path, *, as_json: bool) -> int:
    """Write the register, and tell what it could not prove."""
    at_work = works(declared(town, root, profile), stack, quiet=True)
    register = build(at_work.declared, _last(at_work.state), datetime.now(UTC).date())
    if as_json:
        click.echo(to_json(register), nl=False)
        return register.exit_code
    _keep(out, files(register, at_work.declared))
    for line in _told(register):
        click.echo(line)
    click.echo(say("register-told-at", path=out / "index.html"))
    return register.exit_code


def _last(state: StackState) -> Run | None:
    """Return the last run; None where nothing was ever verified, which the register says."""
    return runs.latest(state)[1] if any(state.part("runs").glob("*/run.json")) else None


def files(register: Register, town: Declaration) -> dict[str, str]:
    """Return every file of the register by name."""
    from beffroi.report.register_csv import tables  # noqa: PLC0415 - only when files are written
    from beffroi.report.register_pages import INDEX, pages  # noqa: PLC0415

    found = pages(register, town.city, spoken_language())
    for language in LANGUAGES:
        found |= tables(register, language)
    found["register.json"] = to_json(register)
    return {**found, INDEX: found.pop(INDEX)}  # last: whoever finds it finds all that it leads to


def _keep(folder: Path, found: dict[str, str]) -> None:
    """Write the files, each whole or not at all; pages of activities that are gone go too."""
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(say("register-not-a-folder"), where=str(folder), hint=say("register-not-a-folder-hint"))
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, text in found.items():
        draft = folder / f".{name}.{os.getpid()}"
        draft.write_text(text, "utf-8", newline="")
        draft.replace(folder / name)
    for old in folder.glob("activity-*.html"):
        if old.name not in found and not old.is_symlink() and _OURS in old.read_bytes()[:2000]:
            old.unlink()


def _told(register: Register) -> Iterator[str]:
    language = spoken_language()
    controller, processor = (len(register.of_form(form)) for form in ("controller", "processor"))
    activities = len(register.entries)
    yield say("register-told", town=register.town, activities=activities, controller=controller, processor=processor)
    if register.looked is None:
        yield say("register-never-verified")
    else:
        yield from _some([*_lines(register, language, unproved=True)])
    yield from _some(_missing(register))
    yield from _some([*_lines(register, language, unproved=False)])


def _lines(register: Register, language: str, *, unproved: bool) -> Iterator[str]:
    for entry in register.entries:
        for line in entry.unproved() if unproved else entry.broken():
            yield say(
                "register-told-unproved" if unproved else "register-told-broken",
                activity=entry.name,
                measure=one_line(line.text.of(language)),
                standing=say(f"register-standing-{line.standing if unproved else line.gravest}"),
            )


def _missing(register: Register) -> list[str]:
    found: dict[tuple[str, str, str], int] = {}
    for entry in register.entries:
        for content in entry.missing():
            key = (content.spot, content.field, content.provision)
            found[key] = found.get(key, 0) + 1
    return [
        say("register-told-missing", spot=spot, field=field, provision=provision, activities=count)
        for (spot, field, provision), count in found.items()
    ]


def _some(lines: list[str]) -> Iterator[str]:
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield say("register-told-more", count=len(lines) - _SHOWN)
