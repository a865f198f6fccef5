"""The files that make the audit account's way in: who comes in with a listed key gets the probe's answer, and no more.

sshd starts the door, which is the account's login shell too. The door connects to a socket, and copies what comes out.
systemd listens there, and starts the pinned probe: no word of the caller's reaches it.
"""

from __future__ import annotations

from collections.abc import Iterable

ACCOUNT = "audit"
HOME = "/var/lib/beffroi-audit"
KEYS = f"{HOME}/.ssh/authorized_keys"
FOLDER = "/usr/lib/beffroi"
DOOR = f"{FOLDER}/audit-door"
PROBE = f"{FOLDER}/audit-probe"
SOCKET = "/run/beffroi-audit.sock"
SOCKET_UNIT = "beffroi-audit.socket"
SERVICE_UNIT = "beffroi-audit@.service"
UNITS = "/etc/systemd/system"

READ = "CAP_DAC_READ_SEARCH"
"""Read every file and folder, whatever its permissions; write none (capabilities(7))."""

FIREWALL = "CAP_NET_ADMIN"
"""What nftables asks for before it lists its rules."""

KEYS_HEAD = "# Auditors' keys. Written by the role audit_access.\n"

DOOR_TEXT = f"""\
#!/usr/bin/perl -T
# The login shell of the account {ACCOUNT}. Written by the role audit_access. Whatever it is asked, it gives one answer.
use strict;
use IO::Socket::UNIX;
my $look = IO::Socket::UNIX->new(Peer => '{SOCKET}') or die "beffroi: the audit socket does not answer\\n";
$SIG{{ALRM}} = sub {{ die "beffroi: the machine takes too long\\n" }};
alarm 150;
while (sysread($look, my $piece, 65536)) {{
    while (length $piece) {{ substr($piece, 0, syswrite(STDOUT, $piece) // exit 1, '') }}
}}
"""

SOCKET_TEXT = f"""\
# Written by the role audit_access.
[Unit]
Description=Read-only looks at this machine, for auditors

[Socket]
ListenStream={SOCKET}
SocketUser=root
SocketGroup={ACCOUNT}
SocketMode=0660
Accept=yes
MaxConnections=8
# Too many callers are turned away one by one; they never close the door to the next.
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
"""

_SERVICE = f"""\
# Written by the role audit_access.
[Unit]
Description=One read-only look at this machine, for an auditor
CollectMode=inactive-or-failed

[Service]
User={ACCOUNT}
Group={ACCOUNT}
ExecStart=/bin/sh -c '{{run}}'
StandardInput=null
StandardOutput=socket
StandardError=journal
AmbientCapabilities={{capabilities}}
CapabilityBoundingSet={{capabilities}}
NoNewPrivileges=yes
ProtectSystem=strict
ReadOnlyPaths=-/dev/shm -/dev/mqueue
LimitFSIZE=0
LimitCORE=0
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
# An empty network of its own is where nftables compiles the declared rules, to compare them with those that run.
RestrictNamespaces=user net
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET
SystemCallArchitectures=native
UMask=0077
Nice=10
TasksMax=64
MemoryMax=256M
RuntimeMaxSec=120
"""

# Read once, compared, and what was read is what runs: nothing can slip in between.
_RUN = (
    "refuse() {{ echo {refused} $1; exit 1; }}; pinned={digest}; "
    "[ -f {probe} ] && [ ! -L {probe} ] || refuse no-plain-file; "
    "text=$(cat {probe} && echo .) || refuse unreadable; text=${{text%.}}; "
    'found=$(printf %s "$text" | sha256sum); found=${{found%% *}}; [ "$found" = $pinned ] || refuse $found; '
    'eval "$text" | cat'
)


def service_text(digest: str, refused: str, capabilities: Iterable[str]) -> str:
    """Return the unit that runs the probe of that SHA-256, and no other, with those capabilities alone."""
    run = _RUN.format(probe=PROBE, digest=digest, refused=refused)
    # systemd.service(5), command lines: `$$` and `%%` stand for themselves.
    escaped = run.replace("$", "$$").replace("%", "%%")
    return _SERVICE.format(run=escaped, capabilities=" ".join(capabilities))


def key_line(key: str, relays: Iterable[str]) -> str:
    """Return a public key's line: nothing but the door, and where a session must cross this machine, these ports."""
    ports = ",".join(f'permitopen="{target}"' for target in relays)
    forwarding = f",port-forwarding,{ports}" if ports else ""
    return f'restrict{forwarding},command="{DOOR}" {key}\n'
