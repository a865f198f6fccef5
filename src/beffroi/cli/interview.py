"""Asks a person at the keyboard what a wish does not say yet; an empty answer leaves the question for later."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import click
from pydantic import ValidationError

from beffroi.city import City
from beffroi.explain import explain
from beffroi.messages import say
from beffroi.report.visible import one_line
from beffroi.request.questions import Asked, questions
from beffroi.request.wish import Wish

from .request_options import both_languages, put

_LISTS = {"activity.data_subjects", "activity.recipients", "activity.security_measures"}
_YES = frozenset(("yes", "y", "oui", "o"))


def interview(wish: Wish, whole: dict[str, Any], city: City) -> Wish:
    """Return the wish with what the person answers. Each answer may bring further questions; none is asked twice."""
    put_by: set[str] = set()
    while True:
        asked = next((each for each in questions(wish, city) if each.field not in put_by), None)
        if asked is None:
            return wish
        words = _prompt(asked)
        if not words:
            put_by.add(asked.field)
            continue
        attempt = deepcopy(whole)
        try:
            _fill(attempt, asked.field, words)
            wish, whole = Wish.model_validate(attempt, by_alias=True, by_name=False), attempt
        except ValidationError as error:
            _, reason, hint = explain(error, known={}, model=Wish)[0]
            click.echo(f"{reason}\n  -> {hint}", err=True)
        except click.BadParameter as error:
            click.echo(error.message, err=True)
        if asked.field not in put_by and asked in questions(wish, city) and whole is attempt:
            click.echo(say("request-still-open"), err=True)


def _prompt(asked: Asked) -> str:
    question = say(asked.key)
    if asked.choices:
        question = f"{question} [{', '.join(map(one_line, asked.choices))}]"
    return str(click.prompt(question, default="", show_default=False, err=True)).strip()


def _fill(whole: dict[str, Any], field: str, words: str) -> None:
    """Put an answer where the request's file would say it."""
    path = tuple(field.split("."))
    if field in {"from", "to", "activity.stores"}:
        put(whole, path, [word for word in words.replace(",", " ").split() if word])
    elif field == "encrypted":
        put(whole, path, words.lower() in _YES)
    elif field == "processing" and words == "-":
        put(whole, ("personal_data",), field=False)
    elif field == "until" and words == "-":
        put(whole, ("permanent",), field=True)
    elif field in _LISTS:
        put(whole, path, [both_languages(part) for part in words.split(";")])
    elif field == "activity.categories":
        put(whole, path, [_category(part) for part in words.split(";")])
    else:
        put(whole, path, words)


def _category(part: str) -> dict[str, Any]:
    """Return `FR | EN`, or `! FR | EN` for sensitive data, as a category."""
    sensitive = part.strip().startswith("!")
    label = both_languages(part.strip().removeprefix("!"))
    return {"label": label, "sensitive": True} if sensitive else {"label": label}
