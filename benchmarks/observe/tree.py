"""What all file controls cost a host with 600,000 files more: `python benchmarks/observe/tree.py [FOLDER]` (root).

The host is the lab's base image in a mount namespace of its own, with the tree mounted on its /srv: it is made in
FOLDER (by default the temporary one) and removed afterwards. What is measured are the very commands that the kinds
`file_tree` and `file_mode` put to a host for the file controls of the reference town: the processor time of their
processes, and the most memory that one held. Beside them a plain `find` that looks at each file's mode and prints none.
The last lines are ratios to the goals.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from beffroi import declaration
from beffroi.lab.image import base_image
from beffroi.observe.compiled import known_in_advance
from beffroi.observe.words import elevated

CHECKOUT = Path(__file__).parents[2]
FOLDERS, FILES = 600, 1_000
SECONDS, BYTES = 10.0, 64 * 1024 * 1024
KINDS = ("file_tree", "file_mode")
MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
said = done.stdout.decode(errors="replace")
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, said[-1000:], done.returncode]))
"""
INSIDE = 'mount --bind "$1" "$2/srv" && mount -t proc proc "$2/proc" && exec chroot "$2" /bin/sh -c "$3"'


def cost(script: str, tree: Path, host: Path) -> tuple[float, int]:
    """Return the processor seconds of a script on the host, and the most bytes that one of its processes held."""
    inside = ["unshare", "--mount", "/bin/sh", "-euc", INSIDE, "-", str(tree), str(host), script]
    done = subprocess.run([sys.executable, "-c", MEASURE, *inside], capture_output=True, text=True, check=True)
    seconds, most, said, code = json.loads(done.stdout)
    if code or not said or "@@walked 1" in said:
        sys.exit(f"exit code {code}: {said}{done.stderr[-500:]}")
    return seconds, most


def grow(tree: Path) -> None:
    """Make the tree."""
    for folder in range(FOLDERS):
        (tree / f"d{folder}").mkdir()
        for file in range(FILES):
            (tree / f"d{folder}" / f"f{file}").touch()


def main() -> None:
    """Measure, print, and compare with the goals."""
    above = sys.argv[1] if len(sys.argv) > 1 else None
    desired = declaration.load(CHECKOUT / "inventory" / "bourg-sur-gave").desired
    settings = {kind: desired.settings("web")[kind] for kind in KINDS}
    commands = [elevated(command).command for command in known_in_advance("web", settings)]
    host = base_image(print)
    with tempfile.TemporaryDirectory(prefix="tree-", dir=above) as folder:
        grow(Path(folder))
        costs = [cost(command, Path(folder), host) for command in commands]
        plain, _ = cost("find / ! -perm -0000; echo looked", Path(folder), host)
    seconds, most = sum(each for each, _ in costs), max(held for _, held in costs)
    asked = sum(map(len, settings.values()))
    print(f"{asked} settings, {FOLDERS * FILES} files more: {seconds:.2f} s of processor, {most >> 20} MiB")
    print(f"a plain find over the same files: {plain:.2f} s of processor")
    print(f"ratio tree-processor-over-10-s {seconds / SECONDS:.2f} goal 1")
    print(f"ratio tree-memory-over-64-MiB {most / BYTES:.2f} goal 1")
    print(f"ratio tree-processor-over-plain-find {seconds / plain:.1f} goal 2")


if __name__ == "__main__":
    main()
