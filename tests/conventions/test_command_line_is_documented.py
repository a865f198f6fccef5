"""Every verb has a help text with an example in both languages, and its section in docs/cli.md."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from beffroi.cli.verbs import VERBS, program
from beffroi.messages import LANGUAGES, catalogue

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## `beffroi ([a-z-]+)`$\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
EACH_VERB = pytest.mark.parametrize("verb", VERBS)


def _command(verb: str) -> click.Command:
    command = program.get_command(click.Context(program), verb)  # type: ignore[attr-defined]
    assert isinstance(command, click.Command)
    return command


def test_the_page_has_a_section_for_each_verb_and_no_other() -> None:
    assert tuple(SECTIONS) == VERBS


@EACH_VERB
def test_a_section_shows_the_verb_at_work(verb: str) -> None:
    assert re.search(rf"^    \$ (sudo )?beffroi {verb}\b", SECTIONS[verb], re.MULTILINE)


@EACH_VERB
def test_a_section_names_every_option_of_its_verb(verb: str) -> None:
    options = [it for it in _command(verb).params if isinstance(it, click.Option)]
    shared = {"--help", "--root", "--profile", "--stack"}  # told once, at the top of the page
    missing = {it.opts[0] for it in options} - shared - set(re.findall(r"--[a-z][a-z-]*[a-z]", SECTIONS[verb]))
    assert not missing


def test_the_lab_section_names_every_verb_of_the_lab() -> None:
    lab = _command("lab")
    assert isinstance(lab, click.Group)
    assert not [name for name in lab.commands if f"beffroi lab {name}" not in SECTIONS["lab"]]


def test_the_section_on_requests_names_every_option() -> None:
    group = _command("request")
    assert isinstance(group, click.Group)
    options = [it for it in group.commands["new"].params if isinstance(it, click.Option)]
    named = set(re.findall(r"--[a-z][a-z-]*[a-z]", SECTIONS["request"])) | {"--help", "--root", "--profile"}
    assert not {name for it in options for name in (*it.opts, *it.secondary_opts)} - named
    assert not [it.name for it in options if not it.help]


@EACH_VERB
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_verb_has_help_with_an_example(verb: str, language: str) -> None:
    text = catalogue(language)[f"cli-{verb}-help"]
    assert f"beffroi {verb}" in text.partition("\n\n")[2]


@EACH_VERB
def test_every_option_of_a_verb_says_what_it_is_for(verb: str) -> None:
    assert not [it.name for it in _command(verb).params if isinstance(it, click.Option) and not it.help]
