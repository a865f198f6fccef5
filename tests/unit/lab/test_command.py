import pytest

from beffroi.errors import CouldNotAct, MissingTool
from beffroi.lab.command import run, succeeds


def test_a_program_that_ends_well_gives_its_output() -> None:
    assert run(["cat"], text="hello") == "hello"


def test_a_program_that_fails_is_told_with_its_code_and_its_last_words() -> None:
    with pytest.raises(CouldNotAct, match=r"4.*no such bridge"):
        run(["sh", "-c", "echo no such bridge >&2; exit 4"])


def test_a_program_that_hangs_is_left() -> None:
    with pytest.raises(CouldNotAct):
        run(["sleep", "20"], seconds=0.2)


def test_a_program_that_is_not_installed_is_told_how_to_get() -> None:
    with pytest.raises(MissingTool) as missing:
        run(["no-such-program-of-ours"])
    assert "scripts/setup" in str(missing.value.hint)


def test_words_are_never_read_by_a_shell() -> None:
    assert run(["printf", "%s", "$(id); `id`"]) == "$(id); `id`"


def test_a_question_has_a_plain_answer() -> None:
    assert (succeeds(["true"]), succeeds(["false"])) == (True, False)
