from beffroi.errors import (
    BeffroiError,
    CouldNotAct,
    CouldNotLook,
    Interrupted,
    InvalidCity,
    InvalidInput,
    MissingTool,
    Problem,
    RefusedPlan,
)


def test_an_error_says_where_what_and_what_to_do_next() -> None:
    assert str(BeffroiError("wrong", where="city.yml:3", hint="mend it")) == "city.yml:3: wrong\n  -> mend it"


def test_an_error_without_place_or_advice_is_its_sentence() -> None:
    assert str(BeffroiError("wrong")) == "wrong"


def test_what_a_person_can_mend_in_a_file_ends_with_1() -> None:
    assert {InvalidInput.exit_code, InvalidCity.exit_code, RefusedPlan.exit_code} == {1}


def test_what_could_not_be_told_ends_with_2() -> None:
    assert {it.exit_code for it in (BeffroiError, CouldNotAct, CouldNotLook, MissingTool, Interrupted)} == {2}


def test_a_problem_gives_its_line_for_an_editor_to_open() -> None:
    problem = Problem("city.yml", 7, "hosts.db", "unknown", "remove it")
    assert str(problem) == "city.yml:7: hosts.db: unknown\n  -> remove it"


def test_problems_are_told_in_the_order_of_files_and_lines() -> None:
    later, sooner, other = (Problem(*at, "f", "r", "h") for at in (("a.yml", 12), ("a.yml", 3), ("b.yml", 1)))
    assert InvalidCity([other, later, sooner]).problems == [sooner, later, other]


def test_an_invalid_city_tells_every_problem() -> None:
    problems = [Problem("a.yml", line, "f", f"reason {line}", "h") for line in (1, 2)]
    assert all(f"reason {line}" in str(InvalidCity(problems)) for line in (1, 2))
