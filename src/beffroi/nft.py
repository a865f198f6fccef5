"""Runs nft on a text, in a network namespace of its own: nothing that runs on this computer is touched or read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

from beffroi.errors import InvalidInput, MissingTool
from beffroi.messages import say
from beffroi.report.visible import visible

_SECONDS = 120
_MOST_BYTES = 64 * 1024 * 1024
_MOST_ATTEMPTS = 64
_LOAD_AND_LIST = """
ip link set lo up 2>/dev/null
for name; do ip link add "$name" type dummy 2>/dev/null || ip link add "$name" type bridge; done
nft -f /dev/stdin && nft -j list ruleset
"""
_NO_INTERFACE = re.compile(r"^/dev/stdin:(\d+):(\d+)-\d+: Error: Interface does not exist", re.MULTILINE)
_NAME = re.compile(r'[^\s"{},:;./]{1,15}')


def listed(text: str, *, shown_as: str) -> object:
    """Return the JSON document of a ruleset written as text: loaded in an empty namespace, then listed.

    Without root a user namespace serves. Interfaces that `iif` and `oif` name are made there first: nft wants their
    number. Raise InvalidInput with nft's own words when it refuses the text, MissingTool when there is no nft or no
    namespace to be had.
    """
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        raise MissingTool(say("nft-missing"), hint=say("nft-missing-hint"))
    if len(text) > _MOST_BYTES:
        raise InvalidInput(say("nft-too-large", most=_MOST_BYTES), where=shown_as)
    interfaces: dict[str, None] = {}
    for _ in range(_MOST_ATTEMPTS):
        done = _loaded(text, list(interfaces), shown_as)
        wanted = _interfaces_wanted(text, done.stderr.decode("utf-8", "replace"))
        if done.returncode == 0 or wanted <= interfaces.keys():
            break
        interfaces |= dict.fromkeys(sorted(wanted))
    words = visible(done.stderr.decode("utf-8", "replace")).replace("/dev/stdin", shown_as).strip()[-2000:]
    if done.returncode:
        if "unshare" in words:
            raise MissingTool(say("nft-no-namespace", words=words), hint=say("nft-missing-hint"))
        raise InvalidInput(say("nft-refuses", words=words), where=shown_as)
    try:
        found: object = json.loads(done.stdout)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(say("nft-refuses", words=visible(str(error))), where=shown_as) from error
    return found


def _loaded(text: str, interfaces: list[str], shown_as: str) -> subprocess.CompletedProcess[bytes]:
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--user", "--map-root-user"]
    try:
        return subprocess.run(
            [*unshare, "sh", "-c", _LOAD_AND_LIST, "sh", *interfaces],
            input=text.encode("utf-8", "replace"),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(say("nft-too-slow", seconds=_SECONDS), where=shown_as) from error


def _interfaces_wanted(text: str, complaints: str) -> set[str]:
    """Return the names that nft found no interface for, and the others of the same braces."""
    lines = text.splitlines()
    wanted: set[str] = set()
    for number, column in _NO_INTERFACE.findall(complaints):
        line = lines[int(number) - 1] if int(number) <= len(lines) else ""
        start = int(column) - 1
        opened = line.rfind("{", 0, start) > line.rfind("}", 0, start)
        rest = line[start:].partition("}")[0]
        names = _NAME.findall(rest)
        wanted.update(names if opened else names[:1])
    return wanted
