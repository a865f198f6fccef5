"""YAML is read strictly, every mistake is located, and no input gives another exception than InvalidCity."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from beffroi import yamlfile
from beffroi.errors import InvalidCity, Problem


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_LANG", "en")


def read(folder: Path, content: str | bytes) -> yamlfile.Document:
    path = folder / "x.yml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return yamlfile.read(path, shown_as="x.yml")


def refused(folder: Path, content: str | bytes) -> Problem:
    with pytest.raises(InvalidCity) as error:
        read(folder, content)
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-3", -3),
        ("2.50", 2.5),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("0750", "0750"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-01-31", "2026-01-31"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("'null'", "null"),
        ("=", "="),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_a_scalar_means_what_it_looks_like(tmp_path: Path, written: str, meant: object) -> None:
    value = read(tmp_path, f"a: {written}\n").mapping()["a"]
    assert value == meant
    assert type(value) is type(meant)


def test_keys_stay_the_text_that_they_are(tmp_path: Path) -> None:
    assert read(tmp_path, "no: 1\n10: 2\ntrue: 3\n").mapping() == {"no": 1, "10": 2, "true": 3}


def test_each_field_keeps_its_line(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert document.lines == {(): 1, ("a",): 1, ("a", "b"): 2, ("a", "c"): 3, ("a", "c", 0): 4, ("a", "c", 1): 5}


def test_lines_are_counted_alike_with_windows_line_ends(tmp_path: Path) -> None:
    document = read(tmp_path, "a: 1\r\nb: |\r\n  two\r\n  lines\r\nc: 3\r\n")
    assert document.lines["c",] == 5
    assert document.value["b"] == "two\nlines\n"


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"\xef\xbb\xbfa: 1\n", 1, "the file begins with a byte order mark"),
        ("a: 1\n".encode("utf-16"), 1, "the file is written in UTF-16"),
        ("a: 1\n".encode("utf-16-le"), 1, "the file is written in UTF-16"),
        ("a: 1\nb: é\n".encode("latin-1"), 2, "the byte 0xe9 is not UTF-8"),
        (b"a: 1\nb: \x00\n", 2, "the invisible character U+0000 is refused"),
        (b"a: \x1b[31mred\n", 1, "the invisible character U+001B is refused"),
        (b"a: 1\rb: 2\n", 1, "the invisible character U+000D is refused"),
        ("a: 1\u2028b: 2\n", 1, "the invisible character U+2028 is refused"),
        ('a: 1\nb: "\\0"\n', 2, "the invisible character U+0000 is refused"),
        ('"\\e[2J": 1\n', 1, "the invisible character U+001B is refused"),
        ("a:\n\tb: 1\n", 2, "a tab character"),
        ("a: 1\nb: 2\na: 3\n", 3, "`a` is written twice (first on line 1)"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("%YAML 1.1\n---\na: 1\n", 1, "YAML directives are refused"),
        ("a: *b\n", 1, "anchors and aliases are refused (`b`)"),
        ("a: &b 1\n", 1, "anchors and aliases are refused (`b`)"),
        ("a: !!str 1\n", 1, "tags are refused (`!!str`)"),
        ("a: ! 1\n", 1, "tags are refused (`!`)"),
        ("a: 1\n<<: {b: 2}\n", 2, "merge keys (`<<`) are refused"),
        ("? [a]\n: 1\n", 1, "a key must be a single word or text"),
        ("? {a: b}\n: 1\n", 1, "a key must be a single word or text"),
        ("? \n: 1\n", 1, "a key must be a single word or text"),
        ("a: 1234567890123456\n", 1, "the number 1234567890123456 is too long to be kept exactly"),
        ("a: [1, 2\nb: 3\n", 2, "a bracket or a brace is not closed, or a comma is missing"),
        ("a: 'b\n", 2, "a quote is opened and never closed"),
        ("a: b: c\n", 1, "a second colon stands where none may"),
        ("a: @b\n", 1, "a value begins with a character that YAML keeps for itself"),
        ("a:\n  b: 1\n c: 2\n", 3, "the indentation does not fit the lines above"),
        ("a: " + "[" * 100_000, 1, "too many levels of nesting"),
        ("a: [" + "x," * 200_001 + "]", 1, "too many values in one file"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_at_its_line(
    tmp_path: Path, content: str | bytes, line: int, reason: str
) -> None:
    problem = refused(tmp_path, content)
    assert (problem.line, problem.reason) == (line, reason)
    assert problem.hint


def test_a_file_of_fifty_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    with path.open("wb") as stream:
        stream.truncate(50_000_000)
    with pytest.raises(InvalidCity, match=r"the file is too large: 50\.0 MB"):
        yamlfile.read(path, shown_as="x.yml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidCity, match=r"x\.yml:1: \(file\): there is no such file"):
        yamlfile.read(tmp_path / "x.yml", shown_as="x.yml")


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x.yml").write_text("a: 1\n")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InvalidCity, match="this file may not be read"):
        yamlfile.read(tmp_path / "x.yml", shown_as="x.yml")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidCity, match="this is not a plain file"):
        yamlfile.read(tmp_path, shown_as="x.yml")


def test_a_named_pipe_does_not_make_the_reader_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yml")
    with pytest.raises(InvalidCity, match="this is not a plain file"):
        yamlfile.read(tmp_path / "x.yml", shown_as="x.yml")


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yml").symlink_to("x.yml")
    with pytest.raises(InvalidCity, match="this file cannot be opened"):
        yamlfile.read(tmp_path / "x.yml", shown_as="x.yml", within=tmp_path)


def test_a_file_name_cannot_command_the_terminal(tmp_path: Path) -> None:
    with pytest.raises(InvalidCity) as error:
        yamlfile.read(tmp_path / "x.yml", shown_as="\x1b[2Jx.yml")
    assert "\x1b" not in str(error.value)


class Door(BaseModel):
    model_config = ConfigDict(extra="forbid")
    colour: str
    height: int = 2
    open: bool = False


class House(BaseModel):
    doors: dict[str, Door]


def mistakes(folder: Path, text: str) -> list[tuple[int, str, str, str]]:
    document = read(folder, text)
    with pytest.raises(ValidationError) as error:
        House.model_validate(document.mapping())
    problems = document.problems(error.value, model=House)
    return [(problem.line, problem.field, problem.reason, problem.hint) for problem in problems]


def test_a_misspelt_field_is_answered_with_the_right_one_and_not_told_as_missing(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "doors:\n  front:\n    color: red\n") == [
        (3, "doors.front.color", "there is no field of this name here", "did you mean `colour`?")
    ]


def test_a_missing_field_is_located_at_its_parent(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "doors:\n  front:\n    height: 3\n") == [
        (2, "doors.front.colour", "this field is missing", "add `colour: ...`")
    ]


def test_a_value_of_the_wrong_type_is_shown(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "doors:\n  front: {colour: 3, height: tall}\n") == [
        (2, "doors.front.colour", "`3` is not a text", "write a text; put it between quotes if it looks like a number"),
        (2, "doors.front.height", "`tall` is not a whole number", "write digits alone, without quotes"),
    ]


def test_a_prefix_locates_a_value_that_stood_deeper_in_the_file(tmp_path: Path) -> None:
    document = read(tmp_path, "id: x\nparams:\n  colour: 3\n")
    with pytest.raises(ValidationError) as error:
        Door.model_validate(document.mapping()["params"])
    (problem,) = document.problems(error.value, prefix=("params",))
    assert (problem.line, problem.field) == (3, "params.colour")


def reads_or_refuses(path: Path, content: bytes) -> Any:  # noqa: ANN401 - whatever YAML holds
    path.write_bytes(content)
    try:
        return yamlfile.read(path, shown_as="x.yml").value
    except InvalidCity as error:
        refusal = error
    assert refusal.problems
    assert str(refusal).replace("\n", "").isprintable()
    return None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    reads_or_refuses(tmp_path / "x.yml", content)


YAML_PIECES = st.sampled_from(
    [
        *"ab[]{}'\"|>#%é1~@`\x1b",
        ": ",
        "- ",
        "\n",
        "\n  ",
        ", ",
        "&x ",
        "*x",
        "!t ",
        "? ",
        "---\n",
        "...\n",
        "<<",
        "\\x1b",
        "\\ud800",
    ]
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(YAML_PIECES, max_size=30))
def test_anything_that_looks_like_yaml_is_read_or_refused(tmp_path: Path, pieces: list[str]) -> None:
    reads_or_refuses(tmp_path / "x.yml", "".join(pieces).encode())


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126))
LEAVES = st.none() | st.booleans() | st.integers(-(10**14), 10**14) | TEXTS
KEYS = st.text("abc", min_size=1, max_size=3)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON)
def test_what_json_writes_is_read_back_the_same(tmp_path: Path, value: object) -> None:
    assert reads_or_refuses(tmp_path / "x.yml", json.dumps(value).encode()) == value
