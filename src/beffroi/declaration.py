"""Everything that a town and its content declare, loaded and derived: the pure half of each command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from beffroi.city import City, Zone
from beffroi.city.loader import Loaded
from beffroi.city.loader import load as load_town
from beffroi.city.roles import AUTHORITY_ROLE, BACKUP_ROLE, BASTION_ROLE, MIRROR_ROLE
from beffroi.control import Control, load_controls
from beffroi.desired import DesiredState, derive
from beffroi.errors import InvalidCity, InvalidInput, Reading
from beffroi.messages import say
from beffroi.profile import Choice, choose
from beffroi.replaced import Replaced
from beffroi.waiver import FILE, Waiver, load_waivers
from beffroi.yamlfile import Document


@dataclass(frozen=True)
class Declaration:
    """A town, the controls that it holds itself to, and the desired state that follows. `root` holds the content.

    `choice` knows the profile's file, and the controls that it leaves out.
    `remedy.mended` gives it with the safe remedies of `remediate` policies made: `replaced` tells the values, and
    `as_written` is the city that the files declare, None where that is `city`.
    """

    root: Path
    folder: Path
    written: Loaded
    controls: Mapping[str, Control]
    desired: DesiredState
    waivers: tuple[Waiver, ...] = ()
    waivers_written: Document | None = None
    profile: str = "town"
    choice: Choice | None = None
    as_written: City | None = None
    replaced: tuple[Replaced, ...] = ()

    @property
    def city(self) -> City:
        """Return the town that is planned; `written` also knows the file and line of each field."""
        return self.written.city

    @property
    def place(self) -> str:
        """Return the town's folder relative to the content, with slashes; empty when it lies elsewhere."""
        folder, root = self.folder.resolve(), self.root.resolve()
        return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else ""


def load(folder: Path, *, root: Path | None = None, profile: str = "town", shown_as: str | None = None) -> Declaration:
    """Load the town in `folder` with the content of `root` (by default the nearest folder above with `compliance/`).

    `shown_as` is the folder's name in places and problems, by default as given. Raise InvalidCity with every problem
    found, InvalidInput when there is no content.
    """
    content = root or content_root(folder)
    shown = folder.as_posix() if shown_as is None else shown_as
    reading = Reading()
    written = reading.part(lambda: load_town(folder, shown_as=shown))
    choice = reading.part(lambda: choose(content, profile, load_controls(content)))
    waived = reading.part(lambda: load_waivers(folder, shown_as=PurePosixPath(shown, FILE).as_posix()))
    if written is None or choice is None or waived is None:
        raise InvalidCity(reading.problems)
    waivers, document = waived
    desired = derive(written.city, choice.controls)
    return Declaration(content, folder, written, choice.controls, desired, waivers, document, profile, choice)


def content_root(folder: Path) -> Path:
    """Return the nearest folder at or above `folder` that holds `compliance/`; raise InvalidInput when none does."""
    for candidate in (folder.resolve(), *folder.resolve().parents, Path.cwd()):
        if (candidate / "compliance").is_dir():
            return candidate
    raise InvalidInput(say("declaration-no-content"), where=str(folder), hint=say("declaration-no-content-hint"))


def stages(city: City) -> list[Sequence[str]]:
    """Return the machines in the order in which configuration can reach them and packages can reach the machines.

    The package mirror first, since every other machine installs from it; then what shares a segment with it or with
    the bastion; then the other gateways; then what stands behind them; then what keeps copies, which fetches them from
    machines that are in order by then. The certificate authority comes before whatever shares its place in that order,
    and what came before it comes a second time, for its certificates.
    """
    mirrors = list(city.hosts_with_role(MIRROR_ROLE))
    near = {
        name
        for segment, described in city.segments.items()
        if described.zone == Zone.ADMINISTRATION
        for name in city.members(segment)
    }
    first = [name for name in city.machines() if name in near and name not in mirrors]
    gateways = [name for name in city.gateways if name not in {*first, *mirrors}]
    rest = [name for name in city.hosts if name not in {*first, *mirrors}]
    keepers = [name for name in rest if BACKUP_ROLE in city.hosts[name].roles]
    servers = [name for name in rest if name not in keepers]
    return _around_authority(city, [mirrors, first, gateways, servers, *([keepers] if keepers else [])])


def _around_authority(city: City, ordered: list[Sequence[str]]) -> list[Sequence[str]]:
    authority = next(iter(city.hosts_with_role(AUTHORITY_ROLE)), None)
    if authority is None:
        return ordered
    place = next(number for number, stage in enumerate(ordered) if authority in stage)
    beside = [name for name in ordered[place] if name != authority]
    again = [name for stage in ordered[:place] for name in stage]
    return [*ordered[:place], [authority], beside, *ordered[place + 1 :], again]


def bastion(city: City) -> str:
    """Return the machine that every administration session crosses; raise InvalidInput when the town has none."""
    found = city.hosts_with_role(BASTION_ROLE)
    if not found:
        raise InvalidInput(say("declaration-no-bastion"), where=city.town.name, hint=say("declaration-no-bastion-hint"))
    return next(iter(found))
