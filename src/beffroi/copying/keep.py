"""Keep the copies of one store: `keep backup`, `keep restore`, and `keep fetch`, which borg runs.

systemd starts it as the account that owns the copies; its secrets come as credentials (systemd.exec(5)), never as words
or environment. What it prints is one line of JSON, the record: dates, counts and booleans, no name of any file.
Runs alone on the machine that keeps the copies.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

PIECE = 1 << 20
END = re.compile(rb"\nbeffroi-copy 1 (?P<stream>[0-9a-f]{64}) (?P<marker>[0-9a-f]{64}) (?P<machine>[0-9a-f]{64})\n")
END_BYTES = 211
MARKER = "./.beffroi-marker"
ACCOUNT = "beffroi-copy"
WITHIN = "stream"
"""The name of the one file in each archive: what the store's machine sent."""
LOCK_SECONDS = "900"
GOOD, DAMAGED, UNKNOWN = "good", "damaged", "error"


def borg(*words: str, **more: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
    """Start borg with this service's passphrase; its words go to the journal, and name no file of the store."""
    state, secrets = os.environ["STATE_DIRECTORY"], os.environ["CREDENTIALS_DIRECTORY"]
    own = {"BORG_BASE_DIR": state, "BORG_PASSCOMMAND": f"cat {secrets}/passphrase", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    argv = ["/usr/bin/borg", *words[:1], "--lock-wait", LOCK_SECONDS, *words[1:]]
    return subprocess.Popen(argv, env={**os.environ, **own}, stdin=subprocess.DEVNULL, **more)


def ran(*words: str) -> int:
    """Run borg; return its exit code: 1 is a warning, 2 an error (borg's documentation, "Return codes")."""
    return borg(*words, stdout=subprocess.DEVNULL).wait()


def asked(*words: str) -> dict[str, Any]:
    """Return what borg answers in JSON; {} when it cannot."""
    process = borg(*words, "--json", stdout=subprocess.PIPE)
    text, _ = process.communicate()
    answer = json.loads(text) if process.returncode == 0 else {}
    return answer if isinstance(answer, dict) else {}


def sidecar(name: str) -> Path:
    """Return a file of this service's own state."""
    return Path(os.environ["STATE_DIRECTORY"]) / name


def fetch(address: str) -> int:
    """Have the store's machine send it; pass it on to borg; fail unless its last line says that nothing is missing."""
    secrets = os.environ["CREDENTIALS_DIRECTORY"]
    options = (
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=yes",
        "GlobalKnownHostsFile=/dev/null",
        f"UserKnownHostsFile={secrets}/known_hosts",
        "ConnectTimeout=20",
        "ServerAliveInterval=15",
    )
    argv = ["/usr/bin/ssh", "-F", "none", "-T", "-i", f"{secrets}/ssh", *(w for it in options for w in ("-o", it))]
    with subprocess.Popen([*argv, f"{ACCOUNT}@{address}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as ssh:
        assert ssh.stdout is not None  # noqa: S101 - a pipe was asked for
        digest, count, last = without_end(ssh.stdout, sys.stdout.buffer)
    end = END.fullmatch(last)
    if ssh.returncode != 0 or end is None or end["stream"].decode() != digest:
        return 1
    machine = hashlib.sha256(b"beffroi-copy " + Path("/etc/machine-id").read_bytes().strip()).hexdigest()
    marker = end["marker"].decode()
    arrived = {
        "sha256": digest,
        "bytes": count,
        "marker": marker if marker.strip("0") else None,
        "elsewhere": end["machine"].decode() != machine,
    }
    sidecar("arriving.json").write_text(json.dumps(arrived))
    return 0


def without_end(source: IO[bytes], sink: IO[bytes]) -> tuple[str, int, bytes]:
    """Copy a stream but for its last line; return the SHA-256 and the bytes of what was copied, and that line."""
    digest, count, kept = hashlib.sha256(), 0, b""
    while piece := source.read(PIECE):
        kept += piece
        body, kept = kept[:-END_BYTES], kept[-END_BYTES:]
        digest.update(body)
        count += len(body)
        sink.write(body)
    sink.flush()
    return digest.hexdigest(), count, kept


def backup(store: str, repository: str, address: str, keep_hours: str) -> int:
    """Take a copy, forget those that are too old, check all of the repository; print the record."""
    archive = f"{store}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    sidecar("arriving.json").unlink(missing_ok=True)
    here = ("/usr/bin/python3", "-I", __file__, "fetch", address)
    place = f"{repository}::{archive}"
    words = ("--compression", "zstd,3", "--stdin-name", WITHIN, "--content-from-command", place, "--", *here)
    fetched = ran("create", *words) == 0 and sidecar("arriving.json").is_file()
    arrived: dict[str, Any] = {}
    if fetched:
        arrived = json.loads(sidecar("arriving.json").read_text())
        sidecar("newest.json").write_text(json.dumps({**arrived, "archive": archive}))
    pruned = prune(repository, keep_hours)
    checked = {0: GOOD, 1: DAMAGED}.get(ran("check", repository), UNKNOWN)
    record = {
        "at": int(time.time()),
        "archive": archive if fetched else "",
        "bytes": arrived.get("bytes", 0),
        "elsewhere": arrived.get("elsewhere", False),
        "fetched": fetched,
        "pruned": pruned,
        "checked": checked,
        "segments": segments(Path(repository)),
    }
    print(json.dumps(record, sort_keys=True), flush=True)  # noqa: T201 - the record
    return 0 if fetched and pruned and checked == GOOD else 1


def prune(repository: str, keep_hours: str) -> bool:
    """Forget what is older, and give its room back: the one moment at which the repository is not append-only."""
    forget_set_aside(Path(repository))
    if ran("prune", "--keep-within", f"{keep_hours}H", repository) != 0:
        return False
    config = Path(repository) / "config"
    if not re.search(r"^append_only = 1$", config.read_text(), re.MULTILINE):
        return False  # somebody lifted it: that is for people to see, and `apply` sets it again
    if ran("config", repository, "append_only", "0") != 0:
        return False
    try:
        compacted = ran("compact", repository) == 0
    finally:
        closed = ran("config", repository, "append_only", "1") == 0
    return compacted and closed


def forget_set_aside(repository: Path) -> None:
    """Remove damaged repositories that `apply` set aside: until when they may stay is in their names."""
    for folder in repository.parent.glob(f".{repository.name}.damaged-until-*"):
        until = folder.name.rpartition("-")[2]
        if until.isdigit() and time.time() > int(until):
            subprocess.run(["/usr/bin/rm", "--recursive", "--force", "--one-file-system", str(folder)], check=False)


def segments(repository: Path) -> str:
    """Return a digest of the segments' names and sizes: they change while this service runs, and never else."""
    return hashlib.sha256("".join(sorted(_sizes(repository / "data"))).encode()).hexdigest()


def _sizes(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with suppress(FileNotFoundError):
                yield f"{path.relative_to(folder)} {path.lstat().st_size}\n"


def restore(repository: str) -> int:
    """Read the newest archive back whole, and compare it with what the store's machine sent; print the record."""
    listing = asked("list", repository)
    archives = listing.get("archives", [])
    mode = listing.get("encryption", {}).get("mode", "none")
    times = [int(datetime.fromisoformat(it["time"]).replace(tzinfo=UTC).timestamp()) for it in archives]
    sent = json.loads(sidecar("newest.json").read_text()) if sidecar("newest.json").is_file() else {}
    name = archives[-1]["name"] if archives else ""
    found = read_back(f"{repository}::{name}") if name else {}
    equal = bool(name) and name == sent.get("archive") and found.get("sha256") == sent.get("sha256")
    marker = sent.get("marker")
    record = {
        "at": int(time.time()),
        "archive": name,
        "equal": equal and (marker is None or found.get("marker") == marker),
        "entries": found.get("entries", 0),
        "archives": len(times),
        "oldest": min(times, default=0),
        "newest": max(times, default=0),
        "encryption": str(mode),
    }
    print(json.dumps(record, sort_keys=True), flush=True)  # noqa: T201 - the record
    return 0 if record["equal"] else 1


class Through:
    """A stream that is digested while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Begin with nothing read."""
        self.stream, self.digest = stream, hashlib.sha256()

    def read(self, size: int = PIECE) -> bytes:
        """Return the next bytes."""
        piece = self.stream.read(size)
        self.digest.update(piece)
        return piece


def read_back(archive: str) -> dict[str, Any]:
    """Return the digest of an archive's stream, the entries that it holds and, in files, its marker's digest."""
    with borg("extract", "--stdout", archive, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        stream = Through(process.stdout)
        head = stream.read(512)
        dump = head.startswith(b"PGDMP")
        entries, marker = (entries_of_dump(head), None) if dump else members(head, stream)
        while stream.read():
            pass
    good = process.returncode == 0
    return {"sha256": stream.digest.hexdigest() if good else "", "entries": entries, "marker": marker}


def members(head: bytes, stream: Through) -> tuple[int, str | None]:
    """Return how many entries a tar has, and the digest of its marker."""
    count, marker = 0, None
    resumed = cast("IO[bytes]", Resumed(head, stream))
    with suppress(tarfile.TarError), tarfile.open(fileobj=resumed, mode="r|") as archive:
        for member in archive:
            count += 1
            if member.name == MARKER.removeprefix("./") or member.name == MARKER:
                content = archive.extractfile(member)
                marker = hashlib.sha256(content.read(4096)).hexdigest() if content else None
    return count, marker


class Resumed:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, stream: Through) -> None:
        """Begin with those bytes."""
        self.head, self.stream = head, stream

    def read(self, size: int = PIECE) -> bytes:
        """Return the next bytes, as many as asked where there are as many."""
        piece, self.head = self.head[:size], self.head[size:]
        while len(piece) < size and (more := self.stream.read(size - len(piece))):
            piece += more
        return piece


def entries_of_dump(head: bytes) -> int:
    """Return how many entries the table of contents of a custom dump has, from its first bytes; 0 when unreadable.

    PostgreSQL 15, pg_backup_archiver.c, ReadHead: version, sizes and format in six bytes, compression, seven numbers
    for the time, three texts (database, server, pg_dump), then the count. A number is its sign, then its bytes, the
    lowest first.
    """
    wide, place = (head[8], 11) if len(head) > 11 else (4, len(head))  # noqa: PLR2004 - the fixed part
    for _ in range(8):
        _, place = number(head, place, wide)
    for _ in range(3):
        length, place = number(head, place, wide)
        place += max(length, 0)
    return number(head, place, wide)[0]


def number(head: bytes, place: int, wide: int) -> tuple[int, int]:
    """Return the number at a place of a dump, and the place that follows."""
    value = int.from_bytes(head[place + 1 : place + 1 + wide], "little")
    return (-value if head[place : place + 1] == b"\1" else value), place + 1 + wide


ACTS = {"fetch": fetch, "backup": backup, "restore": restore}

if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(ACTS[sys.argv[1]](*sys.argv[2:]))  # type: ignore[operator]
