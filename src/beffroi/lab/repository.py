"""The town's package mirror: a signed apt repository, prepared once, that a managed host of the lab serves."""

from __future__ import annotations

import lzma
import os
import time
from hashlib import sha256
from pathlib import Path

from beffroi.messages import say

from .archive import sign
from .cache import Progress, alone, build_once, cache_folder
from .command import run
from .debian import SUITE, architecture, source_lines
from .image import base_image, downloaded_packages, image_folder, package_list
from .place import require_root

_DAY = 86_400
_VALID_DAYS = 60
_REFRESH_DAYS = 30
_DOWNLOAD_SECONDS = 1_800.0


def town_repository(progress: Progress) -> Path:
    """Return the folder to mount read-only as `/srv/mirror` on the mirror host, made now if it is not there.

    Its `debian/` is an apt repository (suite bookworm, section main) signed with the town's archive key: every package
    of the base image, those of `town-packages.txt`, and all that they depend on. Its index is signed again when
    less than a month of its validity is left. Raise MissingTool when not root, CouldNotAct without network.
    """
    base_image(progress)
    folder = repository_folder()
    if not folder.is_dir():
        require_root()
        progress(say("repository-building"))
        build_once(folder, lambda unfinished: _build(unfinished / "debian", progress))
    _refresh(folder / "debian" / "dists" / SUITE)
    return folder


def repository_folder() -> Path:
    """Return where the town's repository is, or will be once it is made."""
    return cache_folder() / f"repository-{_recipe(image_folder())}"


def _recipe(base: Path) -> str:
    recipe = "\n".join([base.parent.name, *package_list("town-packages.txt")])
    return sha256(recipe.encode()).hexdigest()[:16]


def _build(debian: Path, progress: Progress) -> None:
    pool = debian / "pool"
    pool.mkdir(parents=True)
    for package in _download(base_image(progress), progress):
        # One file on disk however many repositories hold it; another list downloads only what is missing.
        os.link(package, pool / package.name)
    progress(say("repository-indexing"))
    index = debian / "dists" / SUITE / "main" / f"binary-{architecture()}"
    index.mkdir(parents=True)
    packages = run(["env", "--chdir", str(debian), "apt-ftparchive", "packages", "pool"]).encode()
    (index / "Packages").write_bytes(packages)
    (index / "Packages.xz").write_bytes(lzma.compress(packages, preset=1))
    _release(debian / "dists" / SUITE)


def _download(base: Path, progress: Progress) -> list[Path]:
    """Return the `.deb` files of the repository, each checked by apt against Debian's signed index."""
    installed = run(["dpkg-query", "--admindir", f"{base}/var/lib/dpkg", "-W", "-f", "${Package}\n"]).split()
    wanted = sorted({*installed, *package_list("town-packages.txt")})
    nowhere = cache_folder() / "apt" / "nowhere"
    for folder in (nowhere / "partial", downloaded_packages() / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    with alone("apt"):
        apt = _apt_get(base)
        run([*apt, "update"], seconds=_DOWNLOAD_SECONDS)
        install = ["--yes", "--no-install-recommends", "--reinstall", "install", *wanted]
        # Against an empty store, apt lists every file: 'URI' NAME SIZE CHECKSUM.
        listing = run([*apt, "-o", f"Dir::Cache::archives={nowhere}", "--print-uris", *install])
        files = [line.split() for line in listing.splitlines() if line.startswith("'")]
        megabytes = sum(int(size) for _, _, size, *_ in files) // 1_000_000
        progress(say("repository-downloading", packages=len(files), megabytes=megabytes))
        run([*apt, "--download-only", *install], seconds=_DOWNLOAD_SECONDS)
    return [downloaded_packages() / name for _, name, *_ in files]


def _apt_get(base: Path) -> list[str]:
    """Return an apt-get that resolves for the base image, from Debian 12's mirrors, apart from this computer's own."""
    state = cache_folder() / "apt"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    sources = state / "sources.list"
    # The image remembers the mirrors that mmdebstrap chose where this computer's apt knew none.
    sources.write_text("\n".join(source_lines()) or (base.parent / "sources.list").read_text("utf-8"), "utf-8")
    options = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": base / "var/lib/dpkg/status",
        "Dir::Cache": state,
        "Dir::Cache::archives": downloaded_packages(),
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": architecture(),
        "APT::Architectures": architecture(),
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
    }
    return ["apt-get", "--quiet=2", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


def _release(suite: Path) -> None:
    """Write the suite's index, valid from now, and sign it."""
    fields = {
        "Origin": "Town",
        "Label": "Town",
        "Suite": SUITE,
        "Codename": SUITE,
        "Components": "main",
        "Architectures": architecture(),
        "ValidTime": _VALID_DAYS * _DAY,
    }
    options = [word for name, value in fields.items() for word in ("-o", f"APT::FTPArchive::Release::{name}={value}")]
    # apt reads InRelease, which stays in place until the new one takes it; an old Release would only list itself.
    (suite / "Release").unlink(missing_ok=True)
    (suite / "Release").write_text(run(["apt-ftparchive", *options, "release", str(suite)]), "utf-8")
    sign(suite / "Release")


def _refresh(suite: Path) -> None:
    age = time.time() - (suite / "InRelease").stat().st_mtime
    if age > (_VALID_DAYS - _REFRESH_DAYS) * _DAY:
        require_root()
        _release(suite)
