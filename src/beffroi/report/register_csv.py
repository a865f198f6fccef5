"""The register as tables for a spreadsheet: one a form and a language, and one of the security lines. Pure.

A cell that begins like a formula would be computed by the spreadsheet that opens it (CSV injection, OWASP): such cells
get an apostrophe first. All cells stand between quotes; French tables are cut by semicolons, as spreadsheets set to
French want them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from beffroi.messages import say
from beffroi.register.model import Content, Entry, Proof, Register, SecurityLine, State

from .bilingual import spoken_day
from .visible import one_line

FORMS = ("controller", "processor")

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001 - what spreadsheets take for these
_CUT = {"fr": ";", "en": ","}
BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets read UTF-8 as something else."""


def tables(register: Register, language: str) -> dict[str, str]:
    """Return the tables in one language, by file name: a form without activities has none."""
    found = {f"{form}.{language}.csv": _form(register, form, language) for form in FORMS if register.of_form(form)}
    return {**found, f"security.{language}.csv": _security(register, language)}


def cell(text: str) -> str:
    """Return a text that no spreadsheet computes, on one line."""
    flat = one_line(text)
    computed = flat.lstrip(" \u00a0'␉␍␊").startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{flat}" if computed else flat


def _written(rows: Iterable[Sequence[str]], language: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=_CUT[language], quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([cell(each) for each in row] for row in rows)
    return BYTE_ORDER_MARK + out.getvalue()


def _form(register: Register, form: str, language: str) -> str:
    entries = register.of_form(form)
    heads = [_head(content, language) for content in entries[0].contents]
    labels = [say(f"register-csv-{name}", language=language) for name in ("activity", "name", "unproved")]
    rows = [
        [entry.label.of(language), entry.name, _unproved(entry, language), *_contents(entry, language)]
        for entry in entries
    ]
    return _written([[*labels, *heads], *rows], language)


def _head(content: Content, language: str) -> str:
    return f"{say(f'register-content-{content.name}', language=language)} ({content.provision})"


def _contents(entry: Entry, language: str) -> list[str]:
    return [content_text(content, language) for content in entry.contents]


def content_text(content: Content, language: str) -> str:
    """Return a content as one line of text."""
    values = " | ".join(value.of(language) for value in content.values)
    if content.state == State.STATED:
        return values
    if content.state == State.NONE:
        return say("register-none", language=language)
    missing = say("register-missing-text", language=language, field=content.field, spot=content.spot)
    return f"{values} | {missing}" if values else missing


def _unproved(entry: Entry, language: str) -> str:
    return " | ".join(line.text.of(language) for line in entry.unproved())


def _security(register: Register, language: str) -> str:
    names = ("activity", "name", "measure", "standing", "control", "machine", "verdict", "date", "reason")
    rows: list[Sequence[str]] = [[say(f"register-csv-{name}", language=language) for name in names]]
    for entry in register.entries:
        for line in entry.security:
            start = [entry.label.of(language), entry.name, line.text.of(language), _standing(line, language)]
            rows += [[*start, *_proof(proof, language)] for proof in line.proofs] or [[*start, "", "", "", "", ""]]
    return _written(rows, language)


def _standing(line: SecurityLine, language: str) -> str:
    return say(f"register-standing-{line.standing}", language=language)


def _proof(proof: Proof, language: str) -> list[str]:
    word = f"report-outcome-{proof.outcome}" if proof.outcome else "register-never"
    when = (
        spoken_day(proof.when, f"{proof.when:%H:%M:%S} {proof.when.tzname() or ''}".strip(), language)
        if proof.when
        else ""
    )
    return [proof.control, proof.host, say(word, language=language), when, proof.reason]
