"""Where the hosts are and how they are entered: what the town's `ssh_config` says of each (ssh_config(5)).

Only what leads to a host is read. How strictly it is known and what it is offered is not the file's to loosen: see
`beffroi.observe.ssh`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from getpass import getuser
from pathlib import Path

from beffroi.errors import CouldNotLook
from beffroi.messages import say

_READ = frozenset(
    {"hostname", "hostkeyalias", "identityfile", "port", "proxycommand", "proxyjump", "user", "userknownhostsfile"}
)
_PROXIES = frozenset({"proxycommand", "proxyjump"})
_NOT_FOLLOWED = frozenset({"include", "match"})
_NONE = "none"
_HIGHEST_PORT = 65_535

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Route:
    """The way to one host: its address, its names, whose key opens it, and what stands before it.

    `alias` is the name that `known_hosts` files know it by. `jump` names the hosts to go through, nearest first;
    `proxy_command` is a shell's command whose streams lead there. At most one of the two is given.
    """

    host: str
    address: str
    port: int
    user: str
    alias: str
    identity: Path | None
    known_hosts: tuple[Path, ...]
    jump: tuple[str, ...] = ()
    proxy_command: str = ""


@dataclass
class Routes:
    """An `ssh_config`, read once: thousands of hosts cost one reading."""

    path: Path
    _sections: list[Settings] = field(default_factory=list)
    _literal: dict[str, list[int]] = field(default_factory=dict)
    _patterned: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def to(self, host: str) -> Route:
        """Return the way to `host`; raise CouldNotLook, with the file's name, when the file makes none."""
        user, _, bare = host.rpartition("@")
        bare, port = _apart(bare)
        found = self._settings(bare)
        address = found.get("hostname", bare).replace("%h", bare)
        tokens = {
            "h": address,
            "n": bare,
            "p": str(port or _port(found.get("port", "22"), self.path)),
            "r": user or found.get("user") or self._local_user,
            "d": self._home,
            "u": self._local_user,
            "%": "%",
        }
        command = found.get("proxycommand", _NONE)
        jump = found.get("proxyjump", _NONE)
        quoted = {token: shlex.quote(value) for token, value in tokens.items()}
        identity = _words(found.get("identityfile", _NONE))
        return Route(
            host=bare,
            address=address,
            port=int(tokens["p"]),
            user=tokens["r"],
            alias=_filled(found.get("hostkeyalias", address), tokens),
            identity=Path(_filled(identity[0], tokens)).expanduser() if identity != [_NONE] else None,
            known_hosts=tuple(
                Path(_filled(word, tokens)).expanduser() for word in _words(found.get("userknownhostsfile", _NONE))
            ),
            jump=() if jump == _NONE else tuple(part.strip() for part in jump.split(",")),
            proxy_command="" if command == _NONE else _filled(command, quoted),
        )

    @cached_property
    def _local_user(self) -> str:
        return getuser()

    @cached_property
    def _home(self) -> str:
        return str(Path.home())

    def _settings(self, host: str) -> dict[str, str]:
        """Return what holds for `host`: of each keyword, the first value that the file gives."""
        chosen = {
            *self._literal.get(host, ()),
            *(index for index, patterns in self._patterned if _matches(host, patterns)),
        }
        found: dict[str, str] = {}
        for index in sorted(chosen):
            for keyword, value in self._sections[index].items():
                _set_first(found, keyword, value)
        return found

    def add(self, patterns: Iterable[str], settings: Settings) -> None:
        """Append a section that holds for the hosts that `patterns` name."""
        index, patterns = len(self._sections), tuple(patterns)
        self._sections.append(settings)
        if any(set(pattern) & set("*?!") for pattern in patterns):
            self._patterned.append((index, patterns))
        else:
            for name in patterns:
                self._literal.setdefault(name, []).append(index)


def read_routes(path: Path) -> Routes:
    """Read an `ssh_config`; raise CouldNotLook when it cannot be read, or asks for what is not followed here."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotLook(
            say("observe-no-config", words=error), where=str(path), hint=say("stack-none-hint")
        ) from None
    routes, patterns = Routes(path), ["*"]
    section: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        keyword, value = _split(line)
        if keyword in _NOT_FOLLOWED:
            where = f"{path}:{number}"
            raise CouldNotLook(
                say("observe-not-followed", keyword=keyword), where=where, hint=say("observe-not-followed-hint")
            )
        if keyword == "host":
            routes.add(patterns, section)
            patterns, section = _words(value), {}
        elif keyword in _READ:
            _set_first(section, keyword, value)
    routes.add(patterns, section)
    return routes


def _set_first(settings: dict[str, str], keyword: str, value: str) -> None:
    """Give `keyword` its value unless it has one; a jump and a command contend: whichever comes first holds."""
    if keyword not in _PROXIES or not _PROXIES & settings.keys():
        settings.setdefault(keyword, value)


def _split(line: str) -> tuple[str, str]:
    line = line.strip()
    if not line or line.startswith("#"):
        return "", ""
    keyword, *rest = re.split(r"\s*=\s*|\s+", line, maxsplit=1)
    return keyword.lower(), rest[0] if rest else ""


def _words(value: str) -> list[str]:
    """Split a value at its blanks, those between quotes apart."""
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', value)]


def _filled(text: str, tokens: Mapping[str, str]) -> str:
    return re.sub("%(.)", lambda found: tokens.get(found[1], found[0]), text)


def _matches(host: str, patterns: tuple[str, ...]) -> bool:
    if any(fnmatchcase(host, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(fnmatchcase(host, pattern) for pattern in patterns if not pattern.startswith("!"))


def _apart(host: str) -> tuple[str, int]:
    """Return the name and the port of `name:port` (0: none was given); an IPv6 address has brackets then."""
    found = re.fullmatch(r"\[(.+)\]:(\d{1,5})|([^:]+):(\d{1,5})", host)
    if not found:
        return host.strip("[]"), 0
    return found[1] or found[3], int(found[2] or found[4])


def _port(written: str, path: Path) -> int:
    if not written.isascii() or not written.isdigit() or not 0 < int(written) <= _HIGHEST_PORT:
        raise CouldNotLook(say("observe-no-config", words=f"Port {written}"), where=str(path))
    return int(written)
