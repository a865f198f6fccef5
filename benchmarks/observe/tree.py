"""What all file controls cost a host with a tree of 600,000 files: `python benchmarks/observe/tree.py [FOLDER]`.

FOLDER (by default the temporary one) gets the tree, and loses it. What is measured is the very command that the kind
`file_mode` puts to a host, for every file control of the reference town and one more that names all of the tree:
the processor time of its processes, and the most memory that one held. Beside it, one `find` that prints as much
about each file. The last lines are ratios to the goals.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from beffroi import declaration
from beffroi.observe.compiled import known_in_advance
from beffroi.observe.words import elevated

CHECKOUT = Path(__file__).parents[2]
FOLDERS, FILES = 600, 1_000
SECONDS, BYTES = 10.0, 64 * 1024 * 1024
MEASURE = """
import json, resource, subprocess, sys
with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE) as process:
    lines = sum(1 for _ in process.stdout)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, lines, process.returncode]))
"""


def cost(argv: list[str]) -> tuple[float, int]:
    """Return the processor seconds of a command, and the most bytes that one of its processes held."""
    done = subprocess.run([sys.executable, "-c", MEASURE, *argv], capture_output=True, text=True, check=True)
    seconds, most, lines, code = json.loads(done.stdout)
    if code or lines < FOLDERS * FILES:
        sys.exit(f"{argv[0]}: exit code {code}, {lines} lines: {done.stderr[-500:]}")
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
    settings = desired.settings("db")["file_mode"]
    with tempfile.TemporaryDirectory(prefix="tree-", dir=above) as folder:
        tree = Path(folder)
        grow(tree)
        whole = {**settings[0], "path": f"{tree}/*/*"}
        [command] = known_in_advance("db", {"file_mode": [*settings, whole]})
        seconds, most = cost(["/bin/sh", "-c", elevated(command).command])
        found, _ = cost(["find", str(tree), "-type", "f", "-printf", "%m|%u|%g|%y|%p\\n"])
    print(f"{len(settings) + 1} settings, {FOLDERS * FILES} files: {seconds:.2f} s of processor, {most >> 20} MiB")
    print(f"ratio tree-processor-over-10-s {seconds / SECONDS:.2f} goal 1")
    print(f"ratio tree-memory-over-64-MiB {most / BYTES:.2f} goal 1")
    print(f"ratio tree-processor-over-one-find {seconds / found:.1f} goal 10")


if __name__ == "__main__":
    main()
