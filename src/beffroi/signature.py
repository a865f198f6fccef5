"""Who signed a decision: OpenSSH signatures (PROTOCOL.sshsig), made and checked by ssh-keygen(1).

A town names who may sign in `allowed_signers`, in its folder. Where it names somebody, a decision that none of them
signed approves nothing; where there is no such file, signatures are not asked for.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from beffroi.errors import CouldNotAct, InvalidInput, MissingTool, RefusedPlan
from beffroi.messages import say
from beffroi.report.visible import one_line, shorten

FILE = "allowed_signers"
"""The file of a town's folder that names who may sign, in the format that ssh-keygen(1) calls ALLOWED SIGNERS."""

NAMESPACE = "beffroi-decision"
"""What a signature is for, so that one made for git or for a mail signs no decision."""

_SECONDS = 20
_MOST_BYTES = 1024 * 1024
_MOST_PRINCIPALS = 50
_LONGEST_WORDS = 200


def beside(decision: Path) -> Path:
    """Return where the signature of a decision's file is, as `ssh-keygen -Y sign` writes it."""
    return decision.with_name(f"{decision.name}.sig")


def signers_of(town: Path) -> Path | None:
    """Return the file in which the town of a folder names its signers, None without one.

    One that is no plain file of the folder is no way around: raise InvalidInput.
    """
    path = town / FILE
    if not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_file():
        raise InvalidInput(say("signature-no-file"), where=str(path), hint=say("signature-no-file-hint"))
    return path


def require_signed(content: bytes, decision: Path, signers: Path) -> str:
    """Return the name of who signed `content`, read from the file `decision`, among those of the file `signers`.

    Raise RefusedPlan when nobody signed it, when somebody else did, or when what was signed is something else;
    MissingTool without ssh-keygen.
    """
    signature = beside(decision)
    hint = say("signature-hint", namespace=NAMESPACE, file=one_line(str(decision)))
    if not signature.is_file() or signature.stat().st_size > _MOST_BYTES:
        raise RefusedPlan(say("signature-none", file=one_line(str(signature))), where=str(decision), hint=hint)
    files = ["-s", str(signature.resolve()), "-f", str(signers.resolve())]
    known = _keygen("find-principals", *files)
    names = [] if known.returncode else _principals(known.stdout)
    if not names:
        shown = {"signers": one_line(str(signers)), "words": _words(known)}
        raise RefusedPlan(say("signature-stranger", **shown), where=str(signature), hint=hint)
    for name in names:
        done = _keygen("verify", "-n", NAMESPACE, "-I", name, *files, content=content)
        if done.returncode == 0:
            return shorten(name, _LONGEST_WORDS)
    raise RefusedPlan(say("signature-wrong", words=_words(done)), where=str(signature), hint=hint)


def _principals(listed: bytes) -> list[str]:
    """Return the names of a key's lines, each alone: ssh-keygen prints a line's names or patterns as they stand."""
    names = [name for line in listed.decode("utf-8", "replace").splitlines() for name in line.strip().split(",")]
    return [name for name in names if name and not name.startswith(("!", "-"))][:_MOST_PRINCIPALS]


def _keygen(verb: str, *words: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", verb, *words],
            input=content,
            env={**kept, "LC_ALL": "C"},
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise MissingTool(say("signature-no-tool"), hint=say("signature-no-tool-hint")) from error
    except subprocess.TimeoutExpired as error:
        raise CouldNotAct(say("signature-slow", seconds=_SECONDS)) from error


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
    return shorten(said, _LONGEST_WORDS) or "-"
