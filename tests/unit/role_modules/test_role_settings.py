from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PLAIN = {"type": "list", "elements": "dict", "required": True}
TEXT = {"type": "str", "required": True}


@pytest.fixture(name="specified")
def _specified(part: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    role_settings = part("role_settings")
    monkeypatch.setattr(role_settings, "AnsibleModule", SimpleNamespace)

    def specified(*texts: str, **others: dict[str, Any]) -> dict[str, Any]:
        module = role_settings.settings_module(*texts, **others)
        assert module.supports_check_mode
        found: dict[str, Any] = module.argument_spec
        return found

    return specified


def test_a_module_takes_a_list_of_settings_of_any_fields(specified: Callable[..., dict[str, Any]]) -> None:
    assert specified() == {"settings": PLAIN}


def test_fields_that_are_named_are_texts_and_the_only_ones(specified: Callable[..., dict[str, Any]]) -> None:
    assert specified("name", "value") == {"settings": {**PLAIN, "options": {"name": TEXT, "value": TEXT}}}


def test_what_a_role_gives_beside_its_settings_is_taken_too(specified: Callable[..., dict[str, Any]]) -> None:
    assert specified(load={"type": "bool"}) == {"settings": PLAIN, "load": {"type": "bool"}}
