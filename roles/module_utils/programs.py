"""Programs that role modules run: what they say, or a failure with their words."""

from __future__ import annotations

import subprocess

from ansible.module_utils.basic import AnsibleModule

# Nothing of whoever runs Ansible, such as an OPENSSL_CONF or a language, changes what certificates become.
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}


def run(*words: str) -> str:
    """Run a program and return what it says; raise ValueError with all its words when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{' '.join(words)}: {done.stdout}{done.stderr}".strip())
    return done.stdout


def run_clean(*words: str, **variables: str) -> str:
    """Run a program with `variables` and none of ours; raise ValueError with its last words when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**CLEAN, **variables})
    if done.returncode:
        raise ValueError(f"{' '.join(words)}: {(done.stdout + done.stderr)[-1000:]}".strip())
    return done.stdout


def succeeds(*words: str) -> bool:
    """Tell whether a program ends well."""
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def run_or_fail(module: AnsibleModule, *words: str) -> str:
    """Run a program and return what it says; fail the module, with its errors, when it fails."""
    code, out, err = module.run_command(list(words))
    if code != 0:
        module.fail_json(msg=f"{' '.join(words)}: {err.strip()}")
    return str(out)
