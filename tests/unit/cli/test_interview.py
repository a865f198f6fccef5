"""At the keyboard, what a wish does not say is asked once; an answer that does not do is told and asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.cli.interview import interview
from beffroi.request import Wish, questions

ROOT = Path(__file__).parents[3]
ENDS: dict[str, Any] = {"from": ["air-sensors"], "to": ["mqtt"], "service": "mqtts"}


@pytest.fixture(name="city", scope="module")
def _city() -> City:
    return load_city(ROOT / "inventory" / "bourg-sur-gave")


@pytest.fixture(name="asked")
def _asked(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """The questions that were put, and the answers that are left."""
    put: list[str] = []
    answers: list[str] = []

    def prompt(question: str, **_: object) -> str:
        put.append(question)
        return answers.pop(0) if answers else ""

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setenv("BEFFROI_LANG", "en")
    return put, answers


def answered(city: City, asked: tuple[list[str], list[str]], *answers: str, **said: Any) -> Wish:  # noqa: ANN401 - fields
    asked[1].extend(answers)
    whole = {**ENDS, **said}
    return interview(Wish.model_validate(whole), whole, city)


def test_answers_fill_the_wish(city: City, asked: tuple[list[str], list[str]]) -> None:
    wish = answered(city, asked, "Mesurer", "Measure", "district-project", "district-sensors", "2027-12-31")
    assert questions(wish, city) == ()
    assert (wish.purpose.fr, wish.processing, str(wish.until)) == ("Mesurer", "district-sensors", "2027-12-31")


def test_an_empty_answer_leaves_the_question_open_and_is_not_asked_twice(
    city: City, asked: tuple[list[str], list[str]]
) -> None:
    wish = answered(city, asked)
    assert len(asked[0]) == len(set(asked[0])) == len(questions(wish, city))


def test_an_answer_of_the_wrong_form_is_asked_again(city: City, asked: tuple[list[str], list[str]]) -> None:
    wish = answered(city, asked, "x", "y", "district-project", "Not a name", "-", "someday", "-")
    assert (wish.personal_data, wish.permanent) == (False, True)


def test_a_new_activity_is_asked_to_its_end(city: City, asked: tuple[list[str], list[str]]) -> None:
    purpose = {"fr": "x", "en": "y"}
    known = {"purpose": purpose, "asked_by": "district-project", "permanent": True, "processing": "fine-particles"}
    wish = answered(
        city,
        asked,
        *("Particules", "Particles", "Suivre", "Follow", "consent", "Riverains | Neighbours; Agents | Staff"),
        *(
            "Mesures | Readings; ! Santé | Health",
            "Mission | Team",
            "district-measures",
            "6 months",
            "mesure",
            "reading",
        ),
        *("Purge | Purge", "AIPD-1"),
        **known,
    )
    assert questions(wish, city) == ()
    assert wish.activity is not None
    assert [each.sensitive for each in wish.activity.categories] == [False, True]
    assert [each.fr for each in wish.activity.data_subjects] == ["Riverains", "Agents"]


def test_a_list_in_one_language_is_told_and_asked_again(city: City, asked: tuple[list[str], list[str]]) -> None:
    known = {"purpose": {"fr": "x", "en": "y"}, "asked_by": "district-project", "permanent": True, "processing": "new"}
    wish = answered(city, asked, "N", "N", "x", "y", "consent", "Riverains", "Riverains | Neighbours", **known)
    assert wish.activity is not None
    assert [each.en for each in wish.activity.data_subjects] == ["Neighbours"]
