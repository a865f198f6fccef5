import subprocess
from itertools import pairwise

import pytest

from beffroi.observe.connection import Completed
from beffroi.observe.frames import Line, read, script

BOUNDARY = "0123456789abcdef" * 2


def _played(*lines: Line, shell: str = "/bin/sh") -> tuple[bytes, bytes]:
    argv = ["/bin/sh"]
    environment = {"PATH": "/usr/bin:/bin", "SHELL": shell}
    done = subprocess.run(argv, input=script(lines, BOUNDARY), capture_output=True, env=environment, check=False)
    return done.stdout, done.stderr


def _answers(*lines: Line) -> list[Completed | None]:
    return read(*_played(*lines), len(lines), BOUNDARY)


def test_each_command_keeps_its_own_output_and_code() -> None:
    said = _answers(Line("echo a; echo b >&2; exit 3"), Line("true"), Line("printf 'no newline'"))
    assert said == [Completed(b"a\n", b"b\n", 3), Completed(b"", b"", 0), Completed(b"no newline", b"", 0)]


def test_a_direct_command_is_run_without_another_shell() -> None:
    assert _answers(Line("uname", direct=True), Line("cat", direct=True))[1] == Completed(b"", b"", 0)


def test_a_command_cannot_end_the_script_nor_use_what_it_is_made_of() -> None:
    said = _answers(Line("exit 4"), Line("}"), Line("f 9"), Line("exec true"), Line("s=/bin/false"), Line("echo on"))
    assert [it and it.exit_code for it in said] == [4, 2, 127, 0, 0, 0]


def test_a_command_reads_nothing_of_the_script() -> None:
    assert _answers(Line("cat"), Line("read line; echo $line")) == [Completed(b"", b"", 0), Completed(b"\n", b"", 0)]


def test_a_command_inherits_no_boundary() -> None:
    [environment, arguments] = _answers(Line("env; set"), Line("cat /proc/$PPID/cmdline /proc/$$/cmdline"))
    assert environment
    assert BOUNDARY.encode() not in environment.stdout
    assert arguments
    assert BOUNDARY.encode() not in arguments.stdout


def test_quotes_and_lines_reach_the_shell_as_they_are() -> None:
    [said] = _answers(Line("printf '%s|' 'a'\\''b' \"c\nd\" $((1+1))"))
    assert said == Completed(b"a'b|c\nd|2|", b"", 0)


def test_what_looks_like_a_frame_is_output() -> None:
    forged = f"{BOUNDARY[::-1]} 1 0;"
    assert _answers(Line(f"printf '{forged}'"), Line("echo on"))[0] == Completed(forged.encode(), b"", 0)


def test_whoever_knows_the_boundary_is_not_believed() -> None:
    assert _answers(Line(f"printf '{BOUNDARY} 1 0;'"), Line("echo on")) == [None, None]


def test_words_of_a_login_shell_before_the_first_frame_are_left_out() -> None:
    stdout, stderr = _played(Line("echo a"))
    assert read(b"motd\n" + stdout, b"warning\n" + stderr, 1, BOUNDARY) == [Completed(b"a\n", b"", 0)]


def test_nothing_runs_of_a_script_that_arrived_in_part() -> None:
    whole = script([Line("echo a"), Line("echo b")], BOUNDARY)
    for cut in range(0, len(whole) - 2, 7):
        done = subprocess.run(["/bin/sh"], input=whole[:cut], capture_output=True, check=False)
        assert done.stdout == b""


def test_an_answer_cut_anywhere_is_whole_or_missing() -> None:
    stdout, stderr = _played(Line("echo a"), Line("echo b >&2; exit 2"), Line("echo c"))
    whole = read(stdout, stderr, 3, BOUNDARY)
    counts = []
    for cut in range(len(stdout) + 1):
        said = read(stdout[:cut], stderr, 3, BOUNDARY)
        answered = [it for it in said if it is not None]
        assert said == [*whole[: len(answered)], *[None] * (3 - len(answered))]
        counts.append(len(answered))
    assert all(one <= other for one, other in pairwise(counts))
    assert (counts[0], counts[-1]) == (0, 3)


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"nonsense",
        f"{BOUNDARY} 1 0;".encode(),  # begins in the middle
        f"{BOUNDARY} 0 0;a{BOUNDARY} 2 0;".encode(),  # leaves one out
        f"{BOUNDARY} 0 0;a{BOUNDARY} 1 256;".encode(),
        f"{BOUNDARY} 0 0;a{BOUNDARY} 1 -1;".encode(),
        f"{BOUNDARY} 0 0;a{BOUNDARY} 1 0;{BOUNDARY} 2 0;".encode(),  # one more than was asked
        f"{BOUNDARY} 0 0;a{BOUNDARY} 1 {'9' * 5000};".encode(),
        f"{BOUNDARY}{BOUNDARY} 0 0;a{BOUNDARY} 1 0;".encode(),
        BOUNDARY.encode() * 3,
    ],
)
def test_frames_that_are_not_as_they_should_be_answer_nothing(stream: bytes) -> None:
    assert read(stream, stream, 1, BOUNDARY) == [None]


def test_streams_that_disagree_answer_nothing() -> None:
    out, err = f"{BOUNDARY} 0 0;a{BOUNDARY} 1 0;", f"{BOUNDARY} 0 0;{BOUNDARY} 1 1;"
    assert read(out.encode(), err.encode(), 1, BOUNDARY) == [None]
