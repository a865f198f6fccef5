"""Runs nft on a text, in a network namespace of its own: nothing that runs on this computer is touched or read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from beffroi.errors import InvalidInput, MissingTool
from beffroi.messages import say
from beffroi.report.visible import visible

_SECONDS = 120
_LOAD_AND_LIST = "ip link set lo up 2>/dev/null; nft -f /dev/stdin && nft -j list ruleset"


def listed(text: str, *, shown_as: str) -> object:
    """Return the JSON document of a ruleset written as text: loaded in an empty namespace, then listed.

    Without root a user namespace serves. Raise InvalidInput with nft's own words when it refuses the text, MissingTool
    when there is no nft or no namespace to be had.
    """
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        raise MissingTool(say("nft-missing"), hint=say("nft-missing-hint"))
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--user", "--map-root-user"]
    try:
        done = subprocess.run(
            [*unshare, "sh", "-c", _LOAD_AND_LIST],
            input=text.encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(say("nft-too-slow", seconds=_SECONDS), where=shown_as) from error
    words = visible(done.stderr.decode("utf-8", "replace")).replace("/dev/stdin", shown_as).strip()[-2000:]
    if done.returncode:
        if "unshare" in words:
            raise MissingTool(say("nft-no-namespace", words=words), hint=say("nft-missing-hint"))
        raise InvalidInput(say("nft-refuses", words=words), where=shown_as)
    found: object = json.loads(done.stdout)
    return found
