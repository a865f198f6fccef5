"""The options of `beffroi request new`, and the fields of a request's file that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from beffroi.messages import say

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MANY = {"from", "to"}
_TEXTS = {
    "purpose": ("purpose",),
    "label": ("activity", "label"),
    "activity_purpose": ("activity", "purpose"),
    "legal_reference": ("activity", "legal_reference"),
    "retention_from": ("activity", "retention", "starts"),
}
"""Options whose value is a text in both languages, `FR | EN`, and the field that each fills."""

_LISTS = {
    "subject": ("activity", "data_subjects"),
    "recipient": ("activity", "recipients"),
    "measure": ("activity", "security_measures"),
    "category": ("activity", "categories"),
    "sensitive_category": ("activity", "categories"),
}
_PLAIN = {
    "name": ("name",),
    "from": ("from",),
    "to": ("to",),
    "service": ("service",),
    "port": ("port",),
    "asked_by": ("asked_by",),
    "processing": ("processing",),
    "until": ("until",),
    "legal_basis": ("activity", "legal_basis"),
    "retention": ("activity", "retention", "duration"),
    "store": ("activity", "stores"),
    "impact_assessment": ("activity", "impact_assessment"),
}
REPEATED = {"from", "to", "store", *_LISTS}

HELP: dict[str, Callable[[], str]] = {
    "name": lambda: say("request-name-option"),
    "from": lambda: say("request-from-option"),
    "to": lambda: say("request-to-option"),
    "service": lambda: say("request-service-option"),
    "port": lambda: say("request-port-option"),
    "purpose": lambda: say("request-purpose-option"),
    "asked_by": lambda: say("request-asked-by-option"),
    "until": lambda: say("request-until-option"),
    "processing": lambda: say("request-processing-option"),
    "label": lambda: say("request-label-option"),
    "activity_purpose": lambda: say("request-activity-purpose-option"),
    "legal_basis": lambda: say("request-legal-basis-option"),
    "legal_reference": lambda: say("request-legal-reference-option"),
    "subject": lambda: say("request-subject-option"),
    "category": lambda: say("request-category-option"),
    "sensitive_category": lambda: say("request-sensitive-category-option"),
    "recipient": lambda: say("request-recipient-option"),
    "retention": lambda: say("request-retention-option"),
    "retention_from": lambda: say("request-retention-from-option"),
    "store": lambda: say("request-store-option"),
    "measure": lambda: say("request-measure-option"),
    "impact_assessment": lambda: say("request-impact-assessment-option"),
}


def wish_options(function: _Function) -> _Function:
    """Add an option for each field that a request's file may say."""
    for option, told in reversed(HELP.items()):
        flag = "--" + option.replace("_", "-")
        metavar = "FR|EN" if option in {*_TEXTS, *_LISTS} else None
        name = f"wish_{option}"
        function = click.option(flag, name, metavar=metavar, multiple=option in REPEATED, help=told())(function)
    flags = click.option("--encrypted/--clear", "wish_encrypted", default=None, help=say("request-encrypted-option"))
    function = flags(function)
    permanent = click.option("--permanent", "wish_permanent", is_flag=True, help=say("request-permanent-option"))
    function = permanent(function)
    none = click.option("--no-personal-data", "wish_none", is_flag=True, help=say("request-no-personal-data-option"))
    return none(function)


def wished(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the options say, as a request's file would; raise click.BadParameter for a text in one language."""
    found: dict[str, Any] = {}
    for option, value in options.items():
        if value not in (None, (), "", False):
            for path, field in _fields(option, value):
                put(found, path, field)
    if options.get("encrypted") is False:
        found["encrypted"] = False
    return found


def _fields(option: str, value: Any) -> list[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - whatever click gives
    if option == "none":
        return [(("personal_data",), False)]
    if option in _TEXTS:
        return [(_TEXTS[option], both_languages(str(value)))]
    if option in _LISTS:
        return [(_LISTS[option], [_listed(option, each) for each in value])]
    return [(_PLAIN.get(option, (option,)), list(value) if isinstance(value, tuple) else value)]


def _listed(option: str, value: str) -> dict[str, Any]:
    text = both_languages(value)
    if option == "category":
        return {"label": text}
    return {"label": text, "sensitive": True} if option == "sensitive_category" else text


def both_languages(value: str) -> dict[str, str]:
    """Return `FR | EN` as a text in two languages; raise click.BadParameter where there are not two."""
    parts = [part.strip() for part in value.split("|")]
    if len(parts) != 2 or not all(parts):  # noqa: PLR2004 - two languages
        raise click.BadParameter(say("request-two-languages", value=value))
    return {"fr": parts[0], "en": parts[1]}


def put(value: dict[str, Any], path: tuple[str, ...], field: Any) -> None:  # noqa: ANN401 - as above
    """Set a field of nested mappings; lists gather."""
    for step in path[:-1]:
        value = value.setdefault(step, {})
    known = value.get(path[-1])
    value[path[-1]] = known + field if isinstance(known, list) and isinstance(field, list) else field
