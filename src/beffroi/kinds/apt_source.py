"""Where a machine takes its software from: the town's signed mirror, and nowhere else (sources.list(5), apt-secure(8)).

apt lists what it has fetched; sources not fetched yet are in its files alone, so both are observed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from beffroi.city import Gateway, Host
from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask_all
from ._order import lacks

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

FILE = "/etc/apt/sources.list.d/town.sources"
"""The one file that may name a source."""

_TARGETS = "apt-get indextargets --format '$(SOURCESENTRY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(TRUSTED)' | sort -u"
_FILES = r"""
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  [ ! -f "$file" ] || awk -v file="$file" '!/^[ \t]*(#|$)/ { print file ": " $0 }' "$file"
done"""
_LOOSE = """
apt-config dump --format '%F %v%n' APT::Get::AllowUnauthenticated Acquire::AllowInsecureRepositories \
  Acquire::AllowWeakRepositories Acquire::AllowDowngradeToInsecureRepositories"""
_TRUE = frozenset({"1", "true", "yes", "with", "on", "enable"})

Word = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9./-]*$", max_length=100)]
Path = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]+$", max_length=200)]


class Params(KindModel):
    """The role of the host that serves packages, the folder that it serves them from, and what apt takes of them."""

    mirror_role: Word = "package-mirror"
    folder: Path = "/srv/mirror/debian"
    suites: tuple[Word, ...] = ("bookworm",)
    components: tuple[Word, ...] = ("main",)
    signed_by: Path = "/usr/share/keyrings/town-archive-keyring.asc"


class Setting(SettingModel):
    """The one source."""

    uri: Annotated[str, StringConstraints(pattern=r"^(http://|file:/)[A-Za-z0-9.:/_-]+$")]
    suites: tuple[Word, ...]
    components: tuple[Word, ...]
    signed_by: Path

    @property
    def key(self) -> str:
        """Return the same for every source: a machine has one."""
        return "source"

    def lines(self) -> list[str]:
        """Return the source as lines of a deb822 file."""
        return [
            "Types: deb",
            f"URIs: {self.uri}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
            f"Signed-By: {self.signed_by}",
        ]


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the town's mirror as `site` reaches it: its own folder on the mirror itself; nothing without a mirror."""
    mirrors = site.city.hosts_with_role(params.mirror_role)
    if not mirrors:
        return []
    uri = f"file:{params.folder}" if site.name in mirrors else f"http://{_address(mirrors, site)}/debian"
    return [Setting(uri=uri, suites=params.suites, components=params.components, signed_by=params.signed_by)]


def _address(mirrors: dict[str, Host | Gateway], site: Site) -> str:
    mirror = mirrors[min(mirrors)]
    shared = [segment for segment in mirror.interfaces if segment in site.machine.interfaces]
    segment = (shared or list(mirror.interfaces))[0]
    return str(mirror.interfaces[segment].ipv4)


def weakened(before: Params, after: Params) -> bool | None:
    """Tell whether apt takes from more components or suites; mirrors and keys cannot be ordered."""
    if lacks(after.components, before.components) or lacks(after.suites, before.suites):
        return True
    fixed = {"mirror_role", "folder", "signed_by"}
    return False if before.model_dump(include=fixed) == after.model_dump(include=fixed) else None


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:  # noqa: ARG001 - all sources, wanted or not
    """Return the indexes that apt fetched, every line that names a source, and whether apt may take unsigned ones."""
    seen = ask_all(host, targets=_TARGETS, files=_FILES, loose=_LOOSE)
    targets = []
    for line in seen["targets"].splitlines():
        fields = line.split("|")
        if len(fields) != len(("entry", "uri", "suite", "component", "verified")):
            raise CouldNotLook(say("kinds-a-unreadable", line=line))
        entry, uri, suite, component, verified = fields
        targets.append(
            {
                "file": entry.rpartition(":")[0],
                "uri": uri.rstrip("/"),
                "suite": suite,
                "component": component,
                "verified": verified == "yes",
            }
        )
    options = dict(line.split(" ", 1) for line in seen["loose"].splitlines())
    loose = sorted(option for option, value in options.items() if value.strip().lower() in _TRUE)
    return {"targets": targets, "lines": seen["files"].splitlines(), "loose": loose}


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare the sources that apt has with the one that it should have."""
    return [_finding(setting, facts) for setting in settings]


def _finding(setting: Setting, facts: dict[str, Any]) -> Finding:
    wanted = [f"{FILE}: {line}" for line in setting.lines()]
    wrong = [f"{option} is on" for option in facts["loose"]]
    wrong += [line for line in facts["lines"] if line not in wanted]
    wrong += [f"no line {line}" for line in wanted if line not in facts["lines"]]
    wrong += [f"{target['uri']} fetched, not verified" for target in facts["targets"] if not target["verified"]]
    wrong += [f"{target['uri']} fetched" for target in facts["targets"] if target["uri"] != setting.uri.rstrip("/")]
    fetched = {(target["suite"], target["component"]) for target in facts["targets"]}
    asked = [(suite, component) for suite in setting.suites for component in setting.components]
    wrong += [f"{suite}/{component} not fetched" for suite, component in asked if (suite, component) not in fetched]
    return Finding(
        outcome=Outcome.FAIL if wrong else Outcome.PASS,
        subject="apt",
        expected=f"{setting.uri} {' '.join(setting.suites)} {' '.join(setting.components)} ({setting.signed_by})",
        observed="; ".join(wrong) or setting.uri,
    )
