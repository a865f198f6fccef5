"""Ansible module: password quality, lock-out, history and ageing, through files that pam-auth-update assembles.

No stack is edited by hand: Debian's own program writes /etc/pam.d/common-* from profiles, so that the order is right
and nobody is locked out. A key does not go through these stacks' `auth` part at all.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.role_settings import settings_module

FILES = {
    "quality": (Path("/etc/security/pwquality.conf"), " = "),
    "lockout": (Path("/etc/security/faillock.conf"), " = "),
    "ageing": (Path("/etc/login.defs"), "\t"),
}
PROFILES = Path("/usr/share/pam-configs")
BEFORE = """Name: Refuse after too many failures
Default: no
Priority: 1024
Auth-Type: Primary
Auth:
	requisite	pam_faillock.so preauth
Account-Type: Primary
Account:
	required	pam_faillock.so
"""
AFTER = """Name: Count failures
Default: no
Priority: 0
Auth-Type: Primary
Auth:
	[default=die]	pam_faillock.so authfail
"""
HISTORY = """Name: Refuse passwords already used
Default: no
Priority: 512
Password-Type: Primary
Password:
	requisite	pam_pwhistory.so use_authtok {words}
Password-Initial:
	requisite	pam_pwhistory.so {words}
"""
MODULES = {
    "quality": ("pwquality", ["common-password:pam_pwquality"]),
    "lockout": (
        "beffroi-lockout-before",
        ["common-auth:preauth", "common-auth:authfail", "common-account:pam_faillock"],
    ),
    "history": ("beffroi-history", ["common-password:pam_pwhistory"]),
}


def wanted_text(path: Path, separator: str, options: dict[str, str]) -> str:
    """Return a file's text with these options set once, and its other lines as they are."""
    lines = path.read_text().splitlines() if path.is_file() else []
    name = re.compile(r"^\s*(?P<name>[A-Za-z_]+)")
    kept = [line for line in lines if not (match := name.match(line)) or match["name"] not in options]
    added = [option if value == "yes" else f"{option}{separator}{value}" for option, value in options.items()]
    if [line for line in lines if (match := name.match(line)) and match["name"] in options] == added:
        return "\n".join(lines) + "\n"
    return "\n".join([*kept, *added]) + "\n"


def wanted_files(areas: dict[str, dict[str, str]]) -> dict[Path, str]:
    """Return every file to write, and its text."""
    files = {FILES[area][0]: wanted_text(*FILES[area], options) for area, options in areas.items() if area in FILES}
    if "lockout" in areas:
        files[PROFILES / "beffroi-lockout-before"] = BEFORE
        files[PROFILES / "beffroi-lockout-after"] = AFTER
    if "history" in areas:
        words = [option if value == "yes" else f"{option}={value}" for option, value in areas["history"].items()]
        files[PROFILES / "beffroi-history"] = HISTORY.format(words=" ".join(words))
    return files


def stacks_as_wanted(areas: dict[str, dict[str, str]]) -> bool:
    """Tell whether the stacks hold each area's modules, with their arguments, and none that wins over a file."""
    for area in set(areas) & set(MODULES):
        for place in MODULES[area][1]:
            file, word = place.split(":")
            text = Path("/etc/pam.d", file).read_text()
            lines = [line for line in text.splitlines() if word in line and not line.lstrip().startswith("#")]
            if not lines:
                return False
            words = {word for line in lines for word in line.split()}
            if area == "history":
                if (
                    not {option if value == "yes" else f"{option}={value}" for option, value in areas[area].items()}
                    <= words
                ):
                    return False
            elif {word.partition("=")[0] for word in words} & set(areas[area]):
                return False
    return True


def assemble(areas: dict[str, dict[str, str]]) -> None:
    """Have pam-auth-update write the stacks anew from its profiles; raise ValueError when it refuses.

    It carries over arguments that somebody changed by hand in a profile that stays: so each leaves, then comes back.
    """
    profiles = [MODULES[area][0] for area in sorted(areas) if area in MODULES]
    profiles += ["beffroi-lockout-after"] if "lockout" in areas else []
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for verb in ("--disable", "--enable") if profiles else ():
        words = ["pam-auth-update", "--force", verb, *profiles]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(done.stderr.strip())


def late_accounts(options: dict[str, str]) -> list[list[str]]:
    """Return the chage commands that give accounts with a password the ages of login.defs."""
    commands = []
    for line in Path("/etc/shadow").read_text().splitlines():
        name, secret, _, low, high, *_ = line.split(":")
        if not secret.startswith("$"):
            continue
        if "PASS_MIN_DAYS" in options and (not low.isdigit() or int(low) < int(options["PASS_MIN_DAYS"])):
            commands.append(["chage", "--mindays", options["PASS_MIN_DAYS"], name])
        if "PASS_MAX_DAYS" in options and (not high.isdigit() or int(high) > int(options["PASS_MAX_DAYS"])):
            commands.append(["chage", "--maxdays", options["PASS_MAX_DAYS"], name])
    return commands


def main() -> None:
    """Write the files, assemble the stacks, age the accounts."""
    module = settings_module()
    areas: dict[str, dict[str, str]] = {}
    for setting in module.params["settings"]:
        areas.setdefault(setting["area"], {})[setting["option"]] = setting["value"]
    files = wanted_files(areas)
    changed = {path: text for path, text in files.items() if not says(path, text)}
    changes = [str(path) for path in changed]
    reassemble = any(path.parent == PROFILES for path in changed) or not stacks_as_wanted(areas)
    changes += ["PAM stacks"] if reassemble else []
    commands = late_accounts(areas.get("ageing", {}))
    changes += [" ".join(command) for command in commands]
    if not module.check_mode:
        for path, text in changed.items():
            place_file(path, text, 0o644)
        try:
            if reassemble:
                assemble(areas)
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
        for command in commands:
            module.run_command(command, check_rc=True)
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
