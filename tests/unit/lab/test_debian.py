from pathlib import Path

import pytest

from beffroi.lab import debian

# What `apt-get indextargets` prints on a machine with Debian's mirrors and a vendor's.
LISTING = """\
Vendor|Vendor tools|http://tools.example/apt
Debian|Debian|http://mirror.example/debian/
Debian|Debian-Security|http://mirror.example/debian-security/
"""


def apt_that_prints(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "apt-get"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.delenv("BEFFROI_DEBIAN_MIRROR", raising=False)


def suites(lines: list[str]) -> list[tuple[str, ...]]:
    return [tuple(line.split()[-3:-1]) for line in lines]


def test_the_mirrors_are_those_of_this_computers_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_that_prints(LISTING, tmp_path, monkeypatch)
    assert suites(debian.source_lines()) == [
        ("http://mirror.example/debian/", "bookworm"),
        ("http://mirror.example/debian/", "bookworm-updates"),
        ("http://mirror.example/debian-security/", "bookworm-security"),
    ]


def test_a_mirror_named_in_the_environment_wins_over_apts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_that_prints(LISTING, tmp_path, monkeypatch)
    monkeypatch.setenv("BEFFROI_DEBIAN_MIRROR", "http://named.example/debian/")
    assert suites(debian.source_lines())[::2] == [
        ("http://named.example/debian", "bookworm"),
        ("http://named.example/debian-security", "bookworm-security"),
    ]


def test_another_distributions_mirrors_are_not_debians(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_that_prints("Ubuntu|Ubuntu|http://mirror.example/ubuntu/\n", tmp_path, monkeypatch)
    assert debian.source_lines() == []
