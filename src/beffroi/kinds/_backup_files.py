"""The files that copy stores: on a store's machine one door that streams it, on the other what fetches and keeps it.

    keep backup -- ssh, one key a store --> the door -- a socket a store --> systemd -- the store's owner --> stream

The door is the login shell of an account without password, and the forced command of each key names the one socket that
it opens. No word of whoever comes in reaches anything else.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ._placed import Written

ACCOUNT = "beffroi-copy"
HOME = "/var/lib/beffroi-copy"
KEYS = f"{HOME}/.ssh/authorized_keys"
FOLDER = "/usr/lib/beffroi"
DOOR = f"{FOLDER}/copy-door"
STREAM = f"{FOLDER}/copy-stream"
KEEP = f"{FOLDER}/copy-keep"
SOCKETS = "/run/beffroi-copy"
UNITS = "/etc/systemd/system"
SECRETS = "/etc/beffroi/backup"
RECORDS = "/var/lib/beffroi/backup"
STATE = "/var/lib/beffroi-backup"
READ = "CAP_DAC_READ_SEARCH"
"""Read every file and folder, whatever its permissions; write none (capabilities(7))."""

BACKUP_AT, RESTORE_AT = "*-*-* 01:00:00", "*-*-* 04:00:00"

DOOR_TEXT = f"""\
#!/usr/bin/perl -T
# The login shell of the account {ACCOUNT}. Written by the role backup. sshd gives it the forced command of the key that
# came in, and the last word of that is the one store whose stream it passes on. What the caller asks for is not read.
use strict;
use IO::Socket::UNIX;
my ($store) = ($ARGV[-1] // '') =~ /([a-z0-9-]+)\\z/ or die "beffroi: no store\\n";
my $stream = IO::Socket::UNIX->new(Peer => "{SOCKETS}/$store.sock") or die "beffroi: nobody answers for the store\\n";
while (sysread($stream, my $piece, 1048576)) {{
    while (length $piece) {{ substr($piece, 0, syswrite(STDOUT, $piece) // exit 1, '') }}
}}
"""

_SOCKET = """\
# Written by the role backup.
[Unit]
Description=Copies of the store {store}

[Socket]
ListenStream={sockets}/{store}.sock
SocketUser=root
SocketGroup={account}
SocketMode=0660
DirectoryMode=0755
Accept=yes
MaxConnections=2
# Too many callers are turned away one by one; they never close the door to the next.
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
"""

_CONFINED = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
UMask=0077
LimitCORE=0
Nice=10
IOSchedulingClass=idle
"""

_STREAM_SERVICE = """\
# Written by the role backup.
[Unit]
Description=One copy of the store {store}
CollectMode=inactive-or-failed

[Service]
User={owner}
Group={group}
ExecStart=/usr/bin/python3 -I {stream} {what}
StandardInput=null
StandardOutput=socket
StandardError=journal
{rights}RestrictAddressFamilies=AF_UNIX
{confined}"""

_FILES = """\
AmbientCapabilities={read}
CapabilityBoundingSet={read}
ReadWritePaths={path}
PrivateNetwork=yes
"""
_DATABASE = "CapabilityBoundingSet=\n"

_KEEP_SERVICE = """\
# Written by the role backup.
[Unit]
Description={description} the store {store}
After=network-online.target

[Service]
Type=oneshot
User={owner}
Group={group}
ExecStart=/usr/bin/python3 -I {keep} {words}
LoadCredential=passphrase:{secrets}/{store}.key
LoadCredential=ssh:{secrets}/{store}.ssh
LoadCredential=known_hosts:{secrets}/known_hosts
StateDirectory=beffroi-backup/{store}
StateDirectoryMode=0700
# systemd opens the record before it becomes {owner}: root's file, to which this service can only add.
StandardOutput=append:{records}/{store}.{act}
StandardInput=null
StandardError=journal
CapabilityBoundingSet=
ReadWritePaths={folder}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
{confined}"""

_TIMER = """\
# Written by the role backup.
[Unit]
Description={description} the store {store}

[Timer]
OnCalendar={calendar}
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""


@cache
def program(name: str) -> str:
    """Return the text of one of the programs in `beffroi.copying`."""
    return files("beffroi.copying").joinpath(f"{name}.py").read_text("utf-8")


def key_options(store: str, addresses: tuple[str, ...]) -> str:
    """Return what stands before a key: nothing but the store's stream, from the keeper's addresses alone (sshd(8))."""
    return f'restrict,from="{",".join(addresses)}",command="{DOOR} {store}"'


def source_units(store: str) -> tuple[str, str]:
    """Return the socket of a store, and the service that one caller starts."""
    return f"beffroi-copy-{store}.socket", f"beffroi-copy-{store}@.service"


def keeper_units(store: str) -> tuple[str, ...]:
    """Return the timers and services of a store's copies."""
    return tuple(f"beffroi-{act}-{store}.{sort}" for act in ("backup", "restore") for sort in ("timer", "service"))


def purge_timer(place: str) -> str:
    """Return the timer that would remove files from a keeping store by age: of a repository it would make rubble."""
    return f"beffroi-purge-{place}.timer"


def doors() -> tuple[Written, ...]:
    """Return the programs of a store's machine."""
    return (Written(path=DOOR, mode="0755", text=DOOR_TEXT), Written(path=STREAM, mode="0644", text=program("stream")))


def source_files(store: str, path: str, account: tuple[str, str], database: str) -> tuple[Written, ...]:
    """Return the units that stream one store as an account and its group: its folder, or its database."""
    socket, service = source_units(store)
    rights = _DATABASE if database else _FILES.format(read=READ, path=path)
    words = {"store": store, "owner": account[0], "group": account[1], "stream": STREAM, "confined": _CONFINED}
    what = f"database {database}" if database else f"files {path}"
    return (
        _unit(socket, _SOCKET.format(store=store, sockets=SOCKETS, account=ACCOUNT)),
        _unit(service, _STREAM_SERVICE.format(**words, what=what, rights=rights)),
    )


def keepers() -> tuple[Written, ...]:
    """Return the program of a machine that keeps copies."""
    return (Written(path=KEEP, mode="0644", text=program("keep")),)


def keeper_files(
    store: str, repository: str, account: tuple[str, str], address: str, keep_hours: int
) -> tuple[Written, ...]:
    """Return the units that fetch one store and restore its newest copy, as an account and its group."""
    words = {
        "store": store,
        "owner": account[0],
        "group": account[1],
        "keep": KEEP,
        "secrets": SECRETS,
        "records": RECORDS,
        "folder": repository.rpartition("/")[0],
        "confined": _CONFINED,
    }
    backup = f"backup {store} {repository} {address} {keep_hours}"
    texts = (
        _TIMER.format(description="Back up", store=store, calendar=BACKUP_AT),
        _KEEP_SERVICE.format(**words, description="Back up", act="backup", words=backup),
        _TIMER.format(description="Restore the newest copy of", store=store, calendar=RESTORE_AT),
        _KEEP_SERVICE.format(**words, description="Restore, to compare,", act="restore", words=f"restore {repository}"),
    )
    return tuple(_unit(name, text) for name, text in zip(keeper_units(store), texts, strict=True))


def _unit(name: str, text: str) -> Written:
    return Written(path=f"{UNITS}/{name}", mode="0644", text=text)
