"""Where firewalls come from: what a city commits to, files, and the rulesets that run on its machines."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from beffroi import nft
from beffroi.access import open_door
from beffroi.apply import Works
from beffroi.declaration import bastion
from beffroi.errors import CouldNotLook, InvalidInput
from beffroi.messages import say
from beffroi.network.firewall import Firewall
from beffroi.network.reader import read
from beffroi.observe.recorder import live_host
from beffroi.report.visible import visible

MOST_BYTES = 512 * 1024 * 1024
_AT_ONCE = 8


def from_file(path: Path) -> Firewall:
    """Read a ruleset: `.json` as `nft -j list ruleset` prints it, anything else as nft's own text.

    Raise InvalidInput for a file that is neither, MissingTool when text is given and there is no nft.
    """
    if path.stat().st_size > MOST_BYTES:
        raise InvalidInput(say("firewalls-too-large", most=MOST_BYTES), where=str(path))
    text = path.read_text("utf-8", "replace")
    if path.suffix != ".json":
        return read(nft.listed(text, shown_as=str(path)))
    return read(document(text, str(path)))


def document(text: str, where: str) -> object:
    """Return the document that a JSON text holds; raise InvalidInput when it holds none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(say("firewalls-no-json"), where=where, hint=say("firewalls-no-json-hint")) from error


def running(works: Works) -> dict[str, object]:
    """Return what runs on every machine of a town, as nft's JSON documents, by name.

    Raise CouldNotLook when a machine does not answer: nothing can be proved of a town with a machine unseen.
    """
    open_door(works.ssh_config, bastion(works.declared.city))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(pool.map(lambda name: (name, _listing(works, name)), works.declared.city.machines()))


def _listing(works: Works, name: str) -> object:
    host, _ = live_host(name, works.ssh_config)
    with host.sudo():
        listed = host.run("nft -j list ruleset")
    if listed.rc != 0:
        raise CouldNotLook(say("firewalls-no-listing", machine=name, words=visible(listed.stderr)[-500:]), where=name)
    return document(listed.stdout, name)
