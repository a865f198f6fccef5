import pytest

from beffroi.messages import catalogue, say, spoken_language

LOCALE = ("BEFFROI_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture(autouse=True)
def _no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in LOCALE:
        monkeypatch.delenv(variable, raising=False)


def test_english_is_spoken_where_nothing_is_said() -> None:
    assert spoken_language() == "en"


@pytest.mark.parametrize("variable", LOCALE)
def test_each_variable_can_choose_french(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "fr_FR.UTF-8")
    assert spoken_language() == "fr"


def test_our_own_variable_wins_over_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    monkeypatch.setenv("BEFFROI_LANG", "en")
    assert spoken_language() == "en"


def test_a_language_that_we_do_not_speak_becomes_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    assert spoken_language() == "en"


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "")
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    assert spoken_language() == "fr"


def test_a_message_is_filled_in() -> None:
    assert "process 7" in say("state-locked", pid=7, stack="bourg", language="en")


def test_braces_in_what_is_filled_in_stay_as_they_are() -> None:
    assert "{0} {stack}" in say("state-locked", pid="{0} {stack}", stack="bourg", language="en")


def test_the_reader_chooses_between_two_texts() -> None:
    assert catalogue("fr")["runs-none"] != catalogue("en")["runs-none"]


def test_an_unknown_message_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        say("no-such-message")
