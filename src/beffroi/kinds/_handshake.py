"""Questions that a machine puts to its own services over TLS, with OpenSSL (openssl-s_client(1)), and their answers.

A machine asks at its own IPv4 address, as its clients do, and shows its own certificate where it is asked for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from . import _tls as tls
from ._sections import Section

Minimum = Literal["TLSv1.2", "TLSv1.3"]

_FLAGS = {"TLSv1": "tls1", "TLSv1.1": "tls1_1", "TLSv1.2": "tls1_2"}
_OLDER: dict[str, tuple[str, ...]] = {"TLSv1.2": ("TLSv1", "TLSv1.1"), "TLSv1.3": ("TLSv1", "TLSv1.1", "TLSv1.2")}
_ALONE = f"-CAfile {tls.AUTHORITY_FILE} -no-CApath -no-CAstore -verify_return_error"
_OURS = f"-cert {tls.CERTIFICATE_FILE} -key {tls.KEY_FILE}"


@dataclass(frozen=True)
class Peer:
    """Whom to ask: where, the name that its certificate must bear, and what `-starttls` takes where TLS comes later."""

    address: str
    port: int
    name: str
    start: str = ""

    def connect(self) -> str:
        """Return s_client's words for where to connect."""
        return f"-connect {self.address}:{self.port}" + (f" -starttls {self.start}" if self.start else "")

    def verify(self) -> str:
        """Return s_client's words for what the other side must show: the chain, the name and the address."""
        return f"-servername {self.name} -verify_hostname {self.name} -verify_ip {self.address} {_ALONE}"


def older(minimum: str) -> tuple[str, ...]:
    """Return the protocol versions that a service must refuse."""
    return _OLDER[minimum]


def handshake(peer: Peer) -> str:
    """Return the question for a handshake: its protocol, whether chain and names verify, whose certificate it is."""
    return (
        f"answer=$(timeout 10 openssl s_client {peer.connect()} {peer.verify()} {_OURS} < /dev/null 2>&1); "
        "printf '%s\\n' \"$answer\" | grep -E '^New, |^ *Verify return code:|^ *verify error:'; "
        "printf '%s\\n' \"$answer\" | openssl x509 -noout -fingerprint -sha256 2> /dev/null"
    )


def own() -> str:
    """Return the question for the fingerprint of the certificate that is on disk."""
    return f"openssl x509 -in {tls.CERTIFICATE_FILE} -noout -fingerprint -sha256"


def refusal(peer: Peer, version: str) -> str:
    """Return the question whether an old version is refused, to a client that would take any cipher of it."""
    flags = f"-{_FLAGS[version]} -cipher DEFAULT:@SECLEVEL=0"
    return (
        f"timeout 10 openssl s_client {peer.connect()} {flags} {_OURS} < /dev/null 2>&1 | "
        "grep '^New, ' | grep -qv '(NONE)' && echo accepted || echo refused"
    )


def request(peer: Peer, line: str, *, shown: bool = True) -> str:
    """Return the question for the answer to a request such as `HEAD /`; without our own certificate unless `shown`."""
    text = f"{line} HTTP/1.0\\r\\nHost: {peer.name}\\r\\n\\r\\n"
    ours = _OURS if shown else ""
    return f"printf '{text}' | timeout 10 openssl s_client -quiet {peer.connect()} {peer.verify()} {ours} 2> /dev/null"


def plain(address: str, port: int, sent: str, size: int) -> str:
    """Return the question for the first bytes of the answer to bytes in clear, which are as printf(1) writes them."""
    talk = f'exec 3<>/dev/tcp/{address}/{port} && printf "{sent}" >&3 && head -c {size} <&3'
    return f"timeout 10 bash -c '{talk}' 2> /dev/null"


def fingerprint(section: Section) -> str:
    """Return a certificate's SHA-256 as OpenSSL prints it; "" when there is none."""
    found = re.search(r"Fingerprint=([0-9A-F:]{95})", section.text, re.IGNORECASE)
    return found[1] if found else ""


def protocol(section: Section) -> str:
    """Return the protocol and the cipher of a handshake; "" when there was none."""
    found = re.search(r"^New, (TLSv[0-9.]+), Cipher is (\S+)", section.text, re.MULTILINE)
    return f"{found[1]} {found[2]}" if found else ""


def verified(section: Section) -> bool:
    """Tell whether the other side's chain and names were found good."""
    codes = re.findall(r"Verify return code: (\d+)", section.text)
    return bool(codes) and set(codes) == {"0"} and "verify error" not in section.text


def status(section: Section) -> int:
    """Return the status of an answer over HTTP (RFC 9112); 0 when there was none."""
    found = re.match(r"HTTP/1\.[01] (\d{3})\b", section.text.lstrip())
    return int(found[1]) if found else 0


def headers(section: Section) -> dict[str, str]:
    """Return the headers of an answer, by their names in lower case."""
    head = section.text.replace("\r", "").strip().split("\n\n", 1)[0]
    fields = (line.split(":", 1) for line in head.splitlines()[1:] if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in fields}
