"""What a wish does not say is asked, never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.messages import LANGUAGES, catalogue
from beffroi.request import Asked, Wish, draft, questions

ROOT = Path(__file__).parents[3]
WISH: dict[str, Any] = {
    "from": "air-sensors",
    "to": "mqtt",
    "service": "mqtts",
    "purpose": {"fr": "Mesurer", "en": "Measure"},
    "asked_by": "district-project",
    "processing": "district-sensors",
    "until": "2027-12-31",
}
ACTIVITY: dict[str, Any] = {
    "label": {"fr": "Particules", "en": "Particles"},
    "purpose": {"fr": "Suivre", "en": "Follow"},
    "legal_basis": "consent",
    "data_subjects": [{"fr": "Riverains", "en": "Neighbours"}],
    "categories": [{"label": {"fr": "Mesures", "en": "Readings"}}],
    "recipients": [{"fr": "Mission", "en": "Team"}],
    "stores": ["district-measures"],
    "retention": {"duration": "6 months", "starts": {"fr": "mesure", "en": "reading"}},
    "security_measures": [{"fr": "Purge", "en": "Purge"}],
}


@pytest.fixture(name="city", scope="module")
def _city() -> City:
    return load_city(ROOT / "inventory" / "bourg-sur-gave")


def wish(**changes: Any) -> Wish:  # noqa: ANN401 - any field of a wish
    said = {name: value for name, value in {**WISH, **changes}.items() if value is not None}
    return Wish.model_validate(said, by_alias=True, by_name=False)


def asked(city: City, **changes: Any) -> list[str]:  # noqa: ANN401 - as above
    return [each.field for each in questions(wish(**changes), city)]


def test_a_whole_wish_leaves_nothing_to_ask(city: City) -> None:
    assert asked(city) == []


def test_an_empty_wish_is_asked_everything(city: City) -> None:
    fields = [each.field for each in questions(Wish(), city)]
    assert fields == ["from", "to", "service", "purpose.fr", "purpose.en", "asked_by", "processing", "until"]


@pytest.mark.parametrize("field", ["from", "to", "service"])
def test_nothing_is_proposed_before_the_ends_and_the_service_are_known(city: City, field: str) -> None:
    assert draft(wish(**{field: None}), city) is None


def test_a_missing_language_is_asked(city: City) -> None:
    assert asked(city, purpose={"fr": "Mesurer"}) == ["purpose.en"]


def test_a_function_that_the_town_does_not_know_is_asked_again(city: City) -> None:
    assert asked(city, asked_by="mayor") == ["asked_by"]


def test_a_flow_without_personal_data_names_no_activity(city: City) -> None:
    assert asked(city, processing=None, personal_data=False) == []


def test_a_new_activity_is_asked_all_that_the_register_needs(city: City) -> None:
    fields = asked(city, processing="fine-particles")
    assert "activity.legal_basis" in fields
    assert {each.split(".")[0] for each in fields} == {"activity"}


def test_a_whole_new_activity_leaves_nothing_to_ask(city: City) -> None:
    assert asked(city, processing="fine-particles", activity=ACTIVITY) == []


def test_a_public_task_must_name_its_text(city: City) -> None:
    fields = asked(city, processing="fine-particles", activity={**ACTIVITY, "legal_basis": "public-task"})
    assert fields == ["activity.legal_reference.fr", "activity.legal_reference.en"]


def test_sensitive_data_must_name_its_assessment(city: City) -> None:
    sensitive = [{"label": {"fr": "Santé", "en": "Health"}, "sensitive": True}]
    fields = asked(city, processing="fine-particles", activity={**ACTIVITY, "categories": sensitive})
    assert fields == ["activity.impact_assessment"]


def test_a_port_that_a_service_stands_for_needs_no_question(city: City) -> None:
    made = draft(wish(service=None, port="tcp/8883"), city)
    assert made is not None
    assert (made.service, made.questions) == ("mqtts", ())


def test_a_new_port_is_asked_whether_it_protects(city: City) -> None:
    assert asked(city, service=None, port="tcp/1883") == ["encrypted"]


def test_a_new_service_is_declared_and_offered(city: City) -> None:
    made = draft(wish(service=None, port="tcp/1883", encrypted=False), city)
    assert made is not None
    value = {"protocol": "tcp", "ports": [1883], "encrypted": False}
    assert [(each.path, each.key, each.value) for each in made.additions[:2]] == [
        (("services",), "tcp-1883", value),
        (("hosts", "mqtt", "services"), None, "tcp-1883"),
    ]


def test_devices_that_answer_offer_the_service_themselves(city: City) -> None:
    made = draft(wish(**{"from": "recorder", "to": "air-sensors"}, service="https"), city)
    assert made is not None
    assert made.additions[0].path == ("fleets", "air-sensors", "services")


def test_a_draft_without_its_activity_says_so_and_names_none(city: City) -> None:
    made = draft(wish(processing="fine-particles"), city)
    assert made is not None
    assert made.without_activity
    assert "processing" not in made.additions[-1].value


def test_a_name_that_is_taken_gets_a_number(city: City) -> None:
    first = draft(wish(**{"from": "sensors", "to": "mqtt"}), city)
    second = draft(wish(**{"from": "sensors", "to": "collector"}), city)
    assert [made.flow for made in (first, second) if made] == ["sensors-to-mqtt", "sensors-to-collector-2"]


def test_every_question_is_put_in_each_language(city: City) -> None:
    everything = {*questions(Wish(), city), *questions(wish(processing="new", service="new"), city)}
    task = {**ACTIVITY, "legal_basis": "public-task"}
    everything |= {*questions(wish(processing="new", activity=task), city), Asked("encrypted")}
    for language in LANGUAGES:
        assert {each.key for each in everything} <= set(catalogue(language))
