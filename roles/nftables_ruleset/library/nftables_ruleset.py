"""Ansible module: the machine's nftables ruleset, on disk, in the kernel and at boot.

`load: false` compares and answers `drift`. Before a first ruleset it also has the kernel track connections, without
refusing any: a session older than the tracking would else be cut, since its next packet may come from our side and
nothing but `established` lets that one out. `load: true` writes the file and loads it as one transaction.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.role_settings import settings_module

FILE = Path("/etc/nftables.conf")
TRACKING = "table inet beffroi_tracking { chain input { type filter hook input priority filter; ct state new; }; }"


def run(*words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program and return what it answered, whether it succeeded or not."""
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False)


def compiled(ruleset: str) -> str:
    """Return what the host's nft makes of the ruleset, listed from an empty network namespace; raise ValueError."""
    made = run("unshare", "--net", "sh", "-c", "nft -f /dev/stdin && nft -s list ruleset", text=ruleset)
    if made.returncode:
        raise ValueError(made.stderr.strip())
    return made.stdout


def changes_to_make(ruleset: str, running: str) -> list[str]:
    """Return what differs from the declaration."""
    changes = []
    if not says(FILE, ruleset):
        changes.append(str(FILE))
    if compiled(ruleset) != running:
        changes.append("running ruleset")
    if run("systemctl", "is-enabled", "--quiet", "nftables.service").returncode:
        changes.append("nftables.service")
    return changes


def load(ruleset: str) -> None:
    """Write the file and load it; nft flushes and fills in one transaction. Raise ValueError when nft refuses."""
    place_file(FILE, ruleset, 0o640)
    for words in (("nft", "-f", str(FILE)), ("systemctl", "enable", "--quiet", "nftables.service")):
        done = run(*words)
        if done.returncode:
            raise ValueError(done.stderr.strip())


def main() -> None:
    """Compare, or load."""
    module = settings_module(load={"type": "bool"})
    rulesets = {setting["ruleset"] for setting in module.params["settings"]}
    if len(rulesets) != 1:
        module.fail_json(msg=f"one ruleset a machine, not {len(rulesets)}")
    (ruleset,) = rulesets
    running = run("nft", "-s", "list", "ruleset").stdout
    try:
        changes = changes_to_make(ruleset, running)
        if changes and not module.check_mode:
            if module.params["load"]:
                load(ruleset)
            elif "ct state" not in running:
                run("nft", "-f", "-", text=TRACKING)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    loaded = bool(changes) and bool(module.params["load"])
    module.exit_json(changed=loaded, drift=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
