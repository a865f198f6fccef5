#!/usr/bin/python3
"""Leave apt one source, signed, and fetch its indexes when they are not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.role_settings import settings_module

DOCUMENTATION = r"""
module: apt_source
short_description: Leave apt one source
description:
  - Writes /etc/apt/sources.list.d/town.sources; sets every other source aside (NAME.disabled, which apt ignores).
  - Sets aside the files of apt.conf.d that let apt take what nobody signed.
  - Fetches the indexes when something changed or when they are missing.
options:
  settings:
    description: The one source.
    type: list
    elements: dict
    required: true
"""

APT = Path("/etc/apt")
FILE = APT / "sources.list.d" / "town.sources"
LOOSE = re.compile(
    r"AllowUnauthenticated|AllowInsecureRepositories|AllowWeakRepositories|AllowDowngradeToInsecureRepositories",
    re.IGNORECASE,
)
FETCHED = ("apt-get", "indextargets", "--format", "$(REPO_URI)|$(FILENAME)", "Created-By: Packages")


def main() -> None:
    """Bring apt's files to the one source, then its indexes."""
    module = settings_module()
    (setting,) = module.params["settings"]
    text = stanza(setting)
    changes = [f"{path}: set aside" for path in strangers()]
    if not says(FILE, text):
        changes.append(f"{FILE}: written")
    if not module.check_mode:
        for path in strangers():
            path.rename(path.with_name(f"{path.name}.disabled"))
        if not says(FILE, text):
            place_file(FILE, text, 0o644)
    if changes or not fetched(module, setting["uri"]):
        changes.append("indexes: fetched")
        if not module.check_mode:
            fetch(module, changes)
    module.exit_json(changed=bool(changes), changes=changes)


def stanza(setting: dict[str, Any]) -> str:
    """Return the source as a deb822 file."""
    fields = {
        "Types": "deb",
        "URIs": setting["uri"],
        "Suites": " ".join(setting["suites"]),
        "Components": " ".join(setting["components"]),
        "Signed-By": setting["signed_by"],
    }
    lines = ["# Written by Beffroi from the town's controls.", *(f"{name}: {value}" for name, value in fields.items())]
    return "\n".join([*lines, ""])


def strangers() -> list[Path]:
    """Return the files that name other sources, and those that let apt take what nobody signed."""
    folder = APT / "sources.list.d"
    sources = [APT / "sources.list", *folder.glob("*.list"), *folder.glob("*.sources")]
    settings = [APT / "apt.conf", *(APT / "apt.conf.d").iterdir()]
    loose = [
        path for path in settings if path.is_file() and path.suffix != ".disabled" and LOOSE.search(path.read_text())
    ]
    return sorted([path for path in sources if path.is_file() and path != FILE] + loose)


def fetched(module: AnsibleModule, uri: str) -> bool:
    """Tell whether apt has the source's indexes, and no others."""
    _, out, _ = module.run_command(list(FETCHED))
    indexes = [line.split("|") for line in out.splitlines()]
    return bool(indexes) and all(
        found.rstrip("/") == uri.rstrip("/") and any(Path(file).parent.glob(f"{Path(file).name}*"))
        for found, file in indexes
    )


def fetch(module: AnsibleModule, changes: list[str]) -> None:
    """Fetch the indexes; fail the module when a single one cannot be fetched or verified."""
    code, out, err = module.run_command(["apt-get", "--quiet", "--error-on=any", "update"])
    if code != 0:
        module.fail_json(msg=f"apt-get update: {err.strip() or out.strip()}", changed=True, changes=changes)


if __name__ == "__main__":
    main()
