"""The lab's base image: a Debian 12 tree made once, on which every machine is a thin overlay."""

from __future__ import annotations

import shlex
import subprocess
from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from importlib import resources
from pathlib import Path

from beffroi.errors import CouldNotAct, MissingTool
from beffroi.messages import say

from .archive import archive_key
from .cache import Progress, build_once, cache_folder
from .command import run
from .debian import SUITE, source_lines
from .place import require_root

# mmdebstrap's own words for what it does, and ours.
_STEPS = {
    "running apt-get update": "image-indexes",
    "downloading packages with apt": "image-downloading",
    "extracting archives": "image-extracting",
    "installing essential packages": "image-essential",
    "installing remaining packages": "image-installing",
    "running --customize-hook": "image-finishing",
}


def base_image(progress: Progress) -> Path:
    """Return the base image's root folder, read only by convention, made now if it is not there (about a minute).

    Keyed by a digest of its recipe, so that another recipe makes another image beside it. Raise MissingTool when not
    root or without mmdebstrap, CouldNotAct when Debian's packages cannot be had.
    """
    if is_cached():
        return _folder() / "root"
    require_root()
    archive_key()
    progress(say("image-building"))
    return build_once(_folder(), lambda unfinished: _build(unfinished, progress)) / "root"


def is_cached() -> bool:
    """Tell whether `base_image` would answer at once."""
    return _folder().is_dir()


def image_folder() -> Path:
    """Return where the base image's root folder is, or will be once it is made."""
    return _folder() / "root"


def image_packages() -> list[str]:
    """Return the packages that the image holds beyond Debian's essential ones."""
    return package_list("image-packages.txt")


def package_list(name: str) -> list[str]:
    """Return the packages named in a list that stands beside this module: one a line, `#` begins a comment."""
    lines = (line.partition("#")[0].strip() for line in _beside(name).splitlines())
    return sorted({line for line in lines if line})


def downloaded_packages() -> Path:
    """Return the folder that keeps every `.deb` file once downloaded."""
    return cache_folder() / "packages"


def _folder() -> Path:
    recipe = "\n".join([SUITE, *image_packages(), _beside("image-finish.sh"), archive_key(make=False)])
    return cache_folder() / f"base-{sha256(recipe.encode()).hexdigest()[:16]}"


def _beside(name: str) -> str:
    return (resources.files("beffroi.lab") / name).read_text("utf-8")


def _build(unfinished: Path, progress: Progress) -> None:
    (unfinished / "finish.sh").write_text(_beside("image-finish.sh"), "utf-8")
    (unfinished / "archive.asc").write_text(archive_key(), "utf-8")
    argv = _mmdebstrap(unfinished)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise MissingTool(say("setup-missing", program=argv[0]), hint=say("setup-missing-hint")) from error
    with process:
        last_words = _follow(process.stdout or (), progress)
    if process.returncode:
        raise CouldNotAct(say("image-failed", words="\n".join(last_words)), hint=say("image-failed-hint"))


def _follow(lines: Iterable[str], progress: Progress) -> list[str]:
    """Tell each step as mmdebstrap reaches it; return its last words."""
    last_words: deque[str] = deque(maxlen=15)
    for line in lines:
        last_words.append(line.rstrip())
        for theirs, ours in _STEPS.items():
            if theirs in line:
                progress(say(ours))
    return list(last_words)


def _mmdebstrap(unfinished: Path) -> list[str]:
    settings = {"PACKAGES": downloaded_packages(), "WORK": unfinished}
    words = [
        "env",
        *(f"{name}={value}" for name, value in settings.items()),
        "sh",
        "-eu",
        str(unfinished / "finish.sh"),
    ]
    return [
        # Its own mount and process namespaces, and a death wish: killed at any point, no process and no mount stays.
        *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
        *("mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(image_packages())}"),
        *("--dpkgopt=force-unsafe-io", *(f"--aptopt={line}" for line in _proxies())),
        # Keep the .deb files until the hook has put them aside for the town's mirror.
        *("--skip=essential/unlink", f'--customize-hook={shlex.join(words)} "$1"'),
        *(SUITE, str(unfinished / "root"), *source_lines()),
    ]


def _proxies() -> list[str]:
    """Return the lines of this computer's apt configuration that say how to reach the network."""
    lines = run(["apt-config", "dump"]).splitlines()
    return [line for line in lines if line.startswith(("Acquire::http::Proxy ", "Acquire::https::Proxy "))]
