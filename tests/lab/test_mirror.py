"""The base image and the town's package mirror, as a machine of the lab meets them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from beffroi.lab.image import base_image
from beffroi.lab.repository import town_repository

pytestmark = pytest.mark.lab

# An overlay on the base image with the mirror where a mirror host has it; mounts end with their namespace.
MACHINE = """
set -eu
mkdir -p "$WORK/upper" "$WORK/work" "$WORK/root"
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$WORK/upper,workdir=$WORK/work" "$WORK/root"
mkdir -p "$WORK/root/srv/mirror"
mount --bind "$MIRROR" "$WORK/root/srv/mirror"
mount -t proc proc "$WORK/root/proc"
mount --rbind /dev "$WORK/root/dev"
source='[signed-by=/usr/share/keyrings/town-archive-keyring.asc] file:/srv/mirror/debian bookworm main'
echo "deb $source" > "$WORK/root/etc/apt/sources.list.d/town.list"
DEBIAN_FRONTEND=noninteractive chroot "$WORK/root" sh -c "$COMMAND"
"""
UPDATE = "apt-get -q update -o APT::Update::Error-Mode=any"


@pytest.fixture(scope="module")
def mirror() -> Path:
    return town_repository(print)


def on_a_machine(command: str, mirror: Path, work: Path) -> subprocess.CompletedProcess[str]:
    environment = {"BASE": str(base_image(print)), "MIRROR": str(mirror), "WORK": str(work), "COMMAND": command}
    argv = ["unshare", "--mount", "sh", "-c", MACHINE]
    return subprocess.run(argv, env=os.environ | environment, capture_output=True, text=True, check=False)


def copy_of(mirror: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "mirror"
    subprocess.run(["cp", "--archive", str(mirror), str(copy)], check=True)
    return copy


def test_a_machine_installs_packages_of_the_signed_mirror(mirror: Path, tmp_path: Path) -> None:
    done = on_a_machine(f"{UPDATE} && apt-get -q install -y --no-install-recommends nginx-light", mirror, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_mirror_holds_every_package_that_the_image_is_made_of(mirror: Path, tmp_path: Path) -> None:
    installed = "$(dpkg-query --show --showformat '${Package} ')"
    done = on_a_machine(f"{UPDATE} && apt-get -q -s install -y --reinstall {installed}", mirror, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not possible" not in done.stdout + done.stderr


def test_an_index_altered_after_signing_is_refused(mirror: Path, tmp_path: Path) -> None:
    copy = copy_of(mirror, tmp_path)
    for index in copy.glob("debian/dists/bookworm/main/binary-*/Packages*"):
        index.write_bytes(index.read_bytes() + b"\n")
    done = on_a_machine(UPDATE, copy, tmp_path)
    assert done.returncode == 100
    assert "Hash Sum mismatch" in done.stdout + done.stderr


def test_a_signature_over_another_text_is_refused(mirror: Path, tmp_path: Path) -> None:
    copy = copy_of(mirror, tmp_path)
    release = copy / "debian/dists/bookworm/InRelease"
    release.write_text(release.read_text().replace("Label: Town", "Label: Tomb"))
    done = on_a_machine(UPDATE, copy, tmp_path)
    assert done.returncode == 100
    assert "BADSIG" in done.stdout + done.stderr


def test_machines_of_one_image_share_no_identity(mirror: Path, tmp_path: Path) -> None:
    done = on_a_machine("cat /etc/machine-id /etc/ssh/ssh_host_*", mirror, tmp_path)
    assert done.stdout == ""
    assert "ssh_host_*" in done.stderr


def test_a_build_killed_midway_leaves_neither_image_nor_process(tmp_path: Path) -> None:
    environment = os.environ | {"BEFFROI_CACHE": str(tmp_path)}
    program = "from beffroi.lab.image import base_image; base_image(lambda text: print(text, flush=True))"
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True) as build:
        assert build.stdout
        for _ in range(4):  # far enough that packages are being unpacked
            build.stdout.readline()
        build.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (left := processes_that_name(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []
    assert not list(tmp_path.glob("base-*"))


def processes_that_name(folder: Path) -> list[str]:
    wanted = os.fsencode(folder)
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if wanted in words:
            found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found
