"""Everything that the program says exists in both languages, says the same things, and is said somewhere."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from beffroi.messages import LANGUAGES, catalogue

SOURCE = Path(__file__).parents[2] / "src" / "beffroi"
ENGLISH, FRENCH = catalogue("en"), catalogue("fr")
FAMILIES = (
    "*-hint",  # yamlfile.py, city/loader.py: a reason and its way out
    "*-many",  # report/gate_entry.py: a count in words
    "*-one",
    "approval-*",  # approval.py: one a judgement
    "city-*",  # city/checks: one a mistake
    "cli-*-short",  # cli/verbs.py: one a verb
    "cli-action-*",  # cli/options.py: one a status of Ansible
    "cli-gate-*",  # cli/gate.py: one a level
    "cli-op-*",  # cli/options.py: one an operation of Pulumi
    "flows-altered-*",  # cli/rulesets.py: one a sort of alteration
    "flows-*",  # cli/flows.py: one a sort of change
    "pages-*",  # report/gate_page.py: one a judgement, one a strictness
    "pages-*-alone",
    "pages-control-*",  # report/gate_changes.py: one a sort of change
    "pages-count-*-many",  # report/gate_page.py: one a thing counted
    "pages-count-*-one",
    "pages-flow-*",
    "pages-flow-*-perhaps",
    "pages-impact-*",
    "pages-lead-*",  # report/gate_page.py: one a section
    "pages-mark-*",  # report/gate_html.py: one a mark
    "pages-proof-*",  # report/gate_findings.py: one a sort of deviation
    "pages-register-*",
    "pages-section-*",
    "plan-*",  # cli/plan.py: one a sort of change
    "plan-part-*",  # plan.py: one a part
    "prove-*",  # cli/prove.py: one a sort of deviation, one an exit code
    "register-content-*",  # register/contents.py: one a content
    "register-csv-*",  # report/register_csv.py: one a column
    "register-form-*",  # the register's templates: one a form
    "register-form-lead-*",
    "register-map-*",  # report/activity_map.py: one a column
    "register-standing-*",  # report/register_pages.py: one a standing
    "report-*",  # report/terminal.py and the page's templates
    "report-answer-*",
    "report-basis-*",
    "report-filter-*",
    "report-framework-*",
    "report-outcome-*",
    "report-severity-*",
    "report-zone-*",
    "request-ask-*",  # request/questions.py: one a field
    "request-ask-*-en",
    "request-ask-*-fr",
    "request-ask-activity-*",
    "request-ask-activity-*-en",
    "request-ask-activity-*-fr",
    "request-ask-activity-retention-*",
    "request-ask-activity-retention-*-en",
    "request-ask-activity-retention-*-fr",
    "request-gate-*",  # report/request_markdown.py: one a judgement
    "request-row-*",
    "rule-*",  # gate.py: one a rule, and its way out
    "wrong-*",  # explain.py: one a mistake of form
)
"""Keys that are put together at run time; what stands for `*` must itself be written somewhere in the source."""


@cache
def _literals() -> frozenset[str]:
    found = {path.stem for path in SOURCE.rglob("*.py")}
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        found |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is str}
    for path in SOURCE.rglob("*.j2"):
        found |= set(re.findall("[a-z][a-z0-9-]+", path.read_text("utf-8")))
    return frozenset(found)


def _said() -> list[tuple[str, str]]:
    """Return (place, key) for every `say("key"`, in either branch of a choice."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"say", "messages.say", "told"} and node.args:
                first = node.args[0]
                branches = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                keys = [it.value for it in branches if isinstance(it, ast.Constant)]
                found += [(f"{path.relative_to(SOURCE)}:{node.lineno}", str(key)) for key in keys]
    return found


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _middle(key: str, family: str) -> str:
    before, _, after = family.partition("*")
    return key.removeprefix(before).removesuffix(after)


def _is_used(key: str, literals: frozenset[str]) -> bool:
    if key in literals:
        return True
    for family in FAMILIES:
        if fnmatchcase(key, family):
            middle = _middle(key, family)
            if middle in literals or middle.replace("-", "_") in literals:
                return True
            if family != "*-hint" and key.endswith("-hint") and _is_used(key.removesuffix("-hint"), literals):
                return True
    return key.endswith("-hint") and _is_used(key.removesuffix("-hint"), literals)


def test_both_languages_have_the_same_messages() -> None:
    assert set(ENGLISH) ^ set(FRENCH) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_empty(language: str) -> None:
    assert not [key for key, text in catalogue(language).items() if not text.strip()]


def test_a_message_names_the_same_things_in_both_languages() -> None:
    unlike = {key for key in set(ENGLISH) & set(FRENCH) if _names(ENGLISH[key]) != _names(FRENCH[key])}
    assert not unlike


def test_sentences_are_translated() -> None:
    same = {key for key, text in ENGLISH.items() if FRENCH.get(key) == text and len(_words(text)) > 2}
    assert not same


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]{3,}", re.sub(r"\{[^}]*\}|`[^`]*`", "", text))


def test_every_message_that_is_said_exists() -> None:
    assert not [f"{place}: {key}" for place, key in _said() if key not in ENGLISH]


def test_every_message_is_said() -> None:
    assert not sorted(key for key in ENGLISH if not _is_used(key, _literals()))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_messages_has_members(family: str) -> None:
    assert any(fnmatchcase(key, family) for key in ENGLISH)
