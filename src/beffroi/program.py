"""The Pulumi program: the same for `beffroi apply` and for a plain `pulumi up` in `stacks/city`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pulumi

from beffroi.city import City
from beffroi.city.loader import load
from beffroi.components import City as CityComponent
from beffroi.components.declared import colourless
from beffroi.declaration import content_root
from beffroi.errors import InvalidCity, InvalidInput
from beffroi.lab.debian import require_bootable
from beffroi.lab.image import image_folder
from beffroi.lab.repository import repository_folder
from beffroi.policy import Policy, load_policies
from beffroi.remedy import remedied, spared
from beffroi.stack import console_password
from beffroi.state import StackState
from beffroi.targets.lab import LabTarget
from beffroi.waiver import FILE, Waiver, load_waivers


def declare_city(city: City, state: StackState, waivers: Sequence[Waiver] = ()) -> None:
    """Declare every resource of `city` on the lab of the stack's name, and export the machines' host keys.

    `waivers` go with the declaration, for a policy pack to read.
    """
    target = LabTarget(
        lab=state.name,
        city=city,
        image=image_folder(),
        mirror=repository_folder(),
        authorized_key=(state.part("ssh") / "id_ed25519.pub").read_text().strip(),
        console_password=console_password(),
    )
    pulumi.export("hostKeys", CityComponent(city, target, waivers=waivers).host_keys)


def run() -> None:
    """Be the program of `stacks/city`: the town's folder is the setting `beffroi:town`, or BEFFROI_TOWN."""
    folder = Path(pulumi.Config("beffroi").get("town") or os.environ["BEFFROI_TOWN"])
    written = load(folder)
    waivers, _ = load_waivers(folder, shown_as=f"{folder.as_posix()}/{FILE}")
    city, replaced = remedied(written.city, _policies(folder), spared(waivers))
    require_bootable(replace(written, city=city))
    for each in replaced:
        pulumi.warn(colourless(each.told(written.where(each.path))))
    declare_city(city, StackState(pulumi.get_stack()), waivers)


def _policies(folder: Path) -> dict[str, Policy]:
    """Return the policies beside the town; none where it lies apart from any content."""
    try:
        return load_policies(content_root(folder))
    except InvalidCity:
        raise
    except InvalidInput:
        return {}
