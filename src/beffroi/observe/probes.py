"""Which commands only look: those alone may be asked early, side by side, and once for many. Pure.

An allow-list: a command is a probe when each of its programs is listed and its arguments are among those that only
look. Anything else may change the host or may not end, and so runs at its own time, alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from enum import IntEnum

from .words import elevated, pipeline


class Probe(IntEnum):
    """How a command may be treated. The lesser of two holds for a pipeline of both."""

    NONE = 0
    """It may act."""
    PASSING = 1
    """It only looks, at something that changes by itself: whoever asks twice wants to see it twice."""
    LASTING = 2
    """It only looks, at something that changes when somebody changes it."""


Arguments = Sequence[str]
_Rule = Callable[[Arguments], bool]

_FOLDERS = ("", "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")

_ALIVE = re.compile(r"^/(?:dev|proc|run|sys|var/run)(?:/|$)")
"""Paths that are no plain files: what is read there changes by itself."""

_ENDLESS = re.compile(
    r"^/(?:dev|run|var/run|sys/kernel/(?:debug|tracing))(?:/|$)"
    r"|^/proc/(?:(?:self|thread-self|[0-9]+)/(?:fd|mem|task|pagemap)|kcore|kmsg|kpage|sysrq)"
)
"""Paths that may never end, or act, when they are read."""

_READS_NO_CONTENT = frozenset({"findmnt", "ls", "readlink", "realpath", "stat", "test"})


def _any(_: Arguments) -> bool:
    return True


def _nothing(arguments: Arguments) -> bool:
    return not arguments


def _only(*accepted: str) -> _Rule:
    """Accept when every argument is one of `accepted`."""
    return lambda arguments: set(arguments) <= set(accepted)


def _without(*refused: str) -> _Rule:
    """Accept all but these options, long ones cut short and short ones among others (`-xs` is `-s`) included."""
    long = [name for name in refused if name.startswith("--")]
    short = {name[1] for name in refused if len(name) == len("-x")}
    exact = set(refused)

    def rule(arguments: Arguments) -> bool:
        for word in arguments:
            name = word.partition("=")[0]
            if word.startswith("--") and any(full.startswith(name) for full in long):
                return False
            if word in exact or (word.startswith("-") and word[1:2] != "-" and short & set(word)):
                return False
        return True

    return rule


def _verb(*verbs: str, after: Arguments = (), refused: Arguments = ()) -> _Rule:
    """Accept `verbs` in the first place, or behind the options `after`, which take no value; then all but `refused`."""
    careful = _without(*refused)

    def rule(arguments: Arguments) -> bool:
        rest = list(arguments)
        while rest and rest[0] in after:
            rest.pop(0)
        return bool(rest) and rest[0] in verbs and careful(rest[1:])

    return rule


def _reads_parameters(arguments: Arguments) -> bool:
    """Accept sysctl's reading options and plain names: a name with a `=` would be set."""
    options = {"-n", "-a", "-e", "-b", "-N"}
    return all(word in options or re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_./*-]*", word) for word in arguments)


def _asks_rpm(arguments: Arguments) -> bool:
    options = {"--quiet", "--qf", "--queryformat", "--all"}
    asks = bool(arguments) and re.fullmatch(r"-q[ailfcRs]*|--query|-V", arguments[0]) is not None
    known = all(not word.startswith("-") or word.partition("=")[0] in options for word in arguments[1:])
    return asks and known


def _shows_links(arguments: Arguments) -> bool:
    words = list(arguments)
    while words and words[0] in {"-4", "-6", "-o", "-s", "-d", "-j", "-json", "--json", "-br", "-brief"}:
        words.pop(0)
    shows = len(words) < len(("link", "show")) or words[1] in {"show", "list", "ls", "get"}
    return bool(words) and words[0] in {"addr", "address", "a", "link", "route", "rule", "neigh"} and shows


def _formats(arguments: Arguments) -> bool:
    return all(word.startswith("+") or word in {"-u", "--utc"} for word in arguments)


def _options_alone(arguments: Arguments) -> bool:
    return all(word.startswith("-") for word in arguments)


_ELSEWHERE = ("-H", "--host", "-M", "--machine", "-f", "--follow", "--wait", "--root", "--image")
_NO_VALUE = ("-q", "--quiet", "--no-pager", "--no-legend", "-l", "--full", "-a", "--all", "--value", "--plain")
_NAMES = ("passwd", "group", "shadow", "gshadow", "services", "protocols", "rpc", "networks", "initgroups")
_FIND_ACTS = ("-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprint0", "-fprintf", "-fls")

_LASTING: dict[str, _Rule] = {
    **dict.fromkeys(("arch", "basename", "cat", "cksum", "cut", "dirname", "du", "echo", "egrep", "false"), _any),
    **dict.fromkeys(("fgrep", "getcap", "getconf", "getenforce", "getfacl", "grep", "groups", "head", "id"), _any),
    **dict.fromkeys(("ls", "lsattr", "lsb_release", "md5sum", "namei", "nproc", "printf", "pwd", "readlink"), _any),
    **dict.fromkeys(("realpath", "sha1sum", "sha256sum", "sha512sum", "stat", "test", "tr", "true", "type"), _any),
    **dict.fromkeys(("dpkg-query", "systemd-detect-virt", "uname", "wc", "which"), _any),
    "apt-cache": _verb("policy", "show", "showpkg", "depends", "madison", refused=("-o", "-c", "--option", "--config")),
    "apt-mark": _verb("showhold", "showmanual", "showauto", refused=("-o", "-c", "--option", "--config")),
    "auditctl": lambda words: tuple(words) in {("-l",), ("-s",)},
    "command": lambda words: len(words) == len(("-v", "name")) and words[0] == "-v",
    "crontab": lambda words: tuple(words) == ("-l",),
    "dpkg": lambda words: (
        bool(words)
        and words[0] in {"-l", "-L", "-s", "-S", "--print-architecture", "--get-selections"}
        and not any(word.startswith("-") for word in words[1:])
    ),
    "find": lambda words: not set(words) & set(_FIND_ACTS),
    "findmnt": _without("-p", "--poll"),
    "getent": lambda words: bool(words) and words[0] in _NAMES,
    "hostname": _only("-f", "-s", "-d"),
    "mount": _nothing,
    "openssl": lambda words: bool(words) and words[0] == "version",
    "rpm": _asks_rpm,
    "sort": _without("-o", "--output", "-T", "--temporary-directory", "--compress-program"),
    "sshd": lambda words: bool(words) and set(words) <= {"-T", "-t"},
    "sysctl": _reads_parameters,
    "systemctl": _verb(
        "is-enabled", "cat", "list-unit-files", "get-default", after=_NO_VALUE, refused=(*_ELSEWHERE, "--user")
    ),
    "tail": _without("-f", "-F", "--follow", "--retry"),
    "uniq": _options_alone,
    "visudo": lambda words: bool(words) and words[0] in {"-c", "-cq"} and set(words[1:]) <= {"-q", "-s"},
}
_PASSING: dict[str, _Rule] = {
    **dict.fromkeys(("lsmod", "uptime", "w", "who"), _options_alone),
    "chronyc": _verb("tracking", "sources", after=("-n", "-c")),
    "date": _formats,
    "df": _any,
    "free": _without("-s", "--seconds", "-c", "--count"),
    "getent": lambda words: bool(words) and words[0] in {"hosts", "ahosts", "ahostsv4", "ahostsv6"},
    "ip": _shows_links,
    "iptables-save": _only("-c"),
    "netstat": _without("-c", "--continuous"),
    "nft": _verb("list", after=("-j", "--json", "-s", "--stateless", "-a", "--handle", "-n")),
    "pgrep": _any,
    "pidof": _any,
    "ps": _any,
    "ss": _without("-K", "--kill", "-D", "--diag", "-E", "--events"),
    "systemctl": _verb(
        *("is-active", "is-failed", "is-system-running", "list-timers", "list-units", "show", "status"),
        after=_NO_VALUE,
        refused=_ELSEWHERE,
    ),
    "timedatectl": _verb("show", "status", refused=_ELSEWHERE),
}


def probe(command: str) -> Probe:
    """Tell how `command` may be treated; `sudo ... /bin/sh -c` around it changes nothing of that."""
    stages = pipeline(elevated(command).command)
    return Probe.NONE if stages is None else min(_one(stage.words) for stage in stages)


def _one(words: Sequence[str]) -> Probe:
    folder, _, name = words[0].rpartition("/")
    arguments = words[1:]
    if folder not in _FOLDERS:
        return Probe.NONE
    paths = [posixpath.normpath(word) for word in arguments]
    if any(_ENDLESS.match(path) for path in paths) and name not in _READS_NO_CONTENT:
        return Probe.NONE
    if name in _LASTING and _LASTING[name](arguments):
        return Probe.PASSING if any(_ALIVE.match(path) for path in paths) else Probe.LASTING
    return Probe.PASSING if name in _PASSING and _PASSING[name](arguments) else Probe.NONE
