"""The town's archive key: signs the package mirror's index, and is in every machine's image from birth."""

from __future__ import annotations

from pathlib import Path

from .cache import alone, cache_folder, remove_tree
from .command import run, succeeds

_OWNER = "Beffroi lab town archive"


def archive_key(*, make: bool = True) -> str:
    """Return the town's public archive key, ASCII armoured; made now if there is none, or "" unless `make`.

    It belongs to this computer's labs alone (a real town brings its own), so it has no passphrase and no end date: the
    folder that holds it is root's, mode 0700.
    """
    public = cache_folder() / "town-archive-keyring.asc"
    if make and not public.exists():
        with alone("archive-key"):
            if not public.exists():
                _make(public)
    return public.read_text("ascii") if public.exists() else ""


def sign(document: Path) -> None:
    """Write beside the index `document` (a `Release`) its signed forms: `InRelease`, and `Release.gpg` detached."""
    archive_key()
    for name, option in (("InRelease", "--clearsign"), ("Release.gpg", "--detach-sign")):
        written = document.with_name(f".{name}")
        _gpg("--yes", "--armor", "--digest-algo", "SHA512", "--output", str(written), option, str(document))
        written.rename(document.with_name(name))
    _rest()


def _make(public: Path) -> None:
    remove_tree(_home())
    _home().mkdir(mode=0o700, parents=True)
    _gpg("--passphrase", "", "--quick-generate-key", _OWNER, "ed25519", "sign", "never")
    written = public.with_suffix(".new")
    written.write_text(_gpg("--armor", "--export", _OWNER), "ascii")
    written.rename(public)
    _rest()


def _gpg(*arguments: str) -> str:
    return run(["gpg", "--homedir", str(_home()), "--batch", "--no-tty", "--quiet", *arguments])


def _rest() -> None:
    """End the agent that gpg leaves running in the background."""
    succeeds(["gpgconf", "--homedir", str(_home()), "--kill", "gpg-agent"])


def _home() -> Path:
    return cache_folder() / "archive-key"
