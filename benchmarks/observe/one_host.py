"""How long 200 testinfra assertions on one host take: `python benchmarks/observe/one_host.py` (root).

The host is a real sshd on loopback, on a real Debian; once as it is, and once behind a proxy that makes each round trip
20 ms longer. (Not netem: not every kernel has it, and on `lo` it would slow down everything else.) Every path runs the
same 200 assertions under pytest; what is timed is pytest's session, collection included, interpreter's start left out.
The connection is opened anew each time. A path's figure is its best of some runs; testinfra's own ssh runs once, since
it takes minutes. Nothing here gates on a time: the last lines are ratios to the goals.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

from loopback import Loopback, loopback_sshd  # noqa: E402 - shared with the tests

ROUND_TRIP = 0.020
ASSERTIONS = 200
SESSION = """
import sys, time
import pytest
import testinfra.backend, testinfra.modules
class Clock:
    def pytest_sessionstart(self): self.start = time.perf_counter()
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self): print("\\ntook", time.perf_counter() - self.start)
sys.exit(pytest.main(sys.argv[1:], plugins=[Clock()]))
"""


def session(suite: str, config: Path, *options: str) -> float:
    """Run one suite and return the seconds that pytest's session took."""
    argv = [sys.executable, "-c", SESSION, "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", "/dev/null"]
    argv += ["--rootdir", str(HERE), *options, str(HERE / suite)]
    environment = {
        **os.environ,
        "OBSERVE_SSH_CONFIG": str(config),
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
    }
    done = subprocess.run(argv, env=environment, cwd=HERE, capture_output=True, text=True, check=False)
    if f"{ASSERTIONS} passed" not in done.stdout:
        sys.exit(f"{suite} {options}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return next(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("took "))


def measure(where: str, target: Loopback, config: Path) -> dict[str, float]:
    """Return the seconds of each path over the connection that `config` makes, each printed as it is known."""
    sockets = target.folder / f"sockets-{where}"
    sockets.mkdir()
    # testinfra asks for a master connection, and leaves it to the configuration to say where: as shipped, nowhere.
    shared = config.with_name(f"{config.name}.shared")
    shared.write_text(config.read_text() + f"  ControlPath {sockets}/%C\n")

    def control_path() -> float:
        took = session("suite_of_200.py", shared, f"--hosts=ssh://{target.name}?ssh_config={shared}")
        argv = ["ssh", "-F", str(shared), "-O", "exit", target.name]
        subprocess.run(argv, capture_output=True, check=False)
        return took

    way = f"{target.name}?ssh_config={config}"
    paths: dict[str, tuple[int, Callable[[], float]]] = {
        "single script": (3, lambda: session("suite_of_one_script.py", config)),
        "beffroi": (3, lambda: session("suite_of_200.py", config, f"--hosts=beffroi://{way}")),
        "ControlPath": (1, control_path),
        "ssh": (1, lambda: session("suite_of_200.py", config, f"--hosts=ssh://{way}")),
    }
    table = {}
    for path, (runs, run) in paths.items():
        table[path] = min(run() for _ in range(runs))
        print(f"{where:10} {path:14} {table[path]:8.2f} s", flush=True)
    return table


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()

    def write(piece: bytes) -> None:
        if not writer.is_closing():
            writer.write(piece) if piece else writer.close()

    piece = b"."
    while piece:
        try:
            piece = await reader.read(1 << 16)
        except ConnectionError:
            piece = b""
        loop.call_later(delay, write, piece)


def proxy(port: int, to: int, delay: float) -> None:
    """Pass on whatever comes to `port`, each piece `delay` seconds later, both ways."""
    serving: set[asyncio.Task[None] | None] = set()  # the loop itself holds its tasks too loosely to keep them

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        there, back = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(_pass_on(reader, back, delay), _pass_on(there, writer, delay))
        serving.discard(asyncio.current_task())

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
            await server.serve_forever()

    asyncio.run(run())


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Measure, print the table, and the ratios to the goals."""
    with tempfile.TemporaryDirectory() as folder, loopback_sshd(Path(folder)) as target:
        port = free_port()
        slow = multiprocessing.Process(target=proxy, args=(port, target.port, ROUND_TRIP / 2), daemon=True)
        slow.start()
        tables = {
            "loopback": measure("loopback", target, target.ssh_config),
            "20-ms": measure("20-ms", target, target.through(port)),
        }
        slow.terminate()
    for where, table in tables.items():
        ours = table["beffroi"]
        print(f"ratio {where}-ssh-over-ours {table['ssh'] / ours:.1f} goal 80")
        print(f"ratio {where}-ControlPath-over-ours {table['ControlPath'] / ours:.1f} goal 10")
        print(f"ratio {where}-ours-over-single-script {ours / table['single script']:.1f} goal 3")


if __name__ == "__main__":
    main()
