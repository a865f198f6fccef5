"""The town's certificates: who has one, for which names, and in which files a machine keeps it."""

from __future__ import annotations

from beffroi.city import INTERNET, City, Flow, Gateway, Host, Service
from beffroi.city.roles import AUTHORITY_ROLE

FOLDER = "/etc/beffroi/tls"
AUTHORITY_FILE = f"{FOLDER}/ca.crt"
"""The certificate of the town's authority: what every check of another machine's certificate begins with."""
CERTIFICATE_FILE = f"{FOLDER}/machine.crt"
"""The machine's own certificate, then its authority's."""
KEY_FILE = f"{FOLDER}/machine.key"
"""The machine's private key, made there; services read it as members of the group `ssl-cert`."""
KEY_GROUP = "ssl-cert"
"""The group that Debian's packages use for it."""

UNITS = {
    "web-front": "nginx.service",
    "application": "beffroi-application.service",
    "database": "postgresql@15-main.service",
    "sensor-collector": "mosquitto.service",
    "log-collector": "rsyslog.service",
}
"""The services that speak TLS, by the role that their machine plays."""


def units(machine: Host | Gateway) -> tuple[str, ...]:
    """Return the units of a machine that speak TLS."""
    return tuple(unit for role, unit in UNITS.items() if role in machine.roles)


def authority(city: City) -> str | None:
    """Return the machine that signs the town's certificates, or None where the town has none."""
    return next(iter(city.hosts_with_role(AUTHORITY_ROLE)), None)


def issuer(city: City) -> str:
    """Return the authority's own name (X.509's common name)."""
    return f"Beffroi {city.town.name}"


def machine_name(city: City, machine: str) -> str:
    """Return the name that a machine's certificate bears; `.internal` is reserved for private use (ICANN, 2024)."""
    return f"{machine}.{city.town.name}.internal"


def addresses(machine: Host | Gateway) -> tuple[str, ...]:
    """Return a machine's addresses within the town, IPv4 then IPv6 of each segment: towns verify by address."""
    inner = (interface for segment, interface in machine.interfaces.items() if segment != INTERNET)
    return tuple(str(address) for interface in inner for address in (interface.ipv4, interface.ipv6))


def offered(city: City, machine: str) -> dict[str, Service]:
    """Return the services over TLS that a machine offers, by name."""
    named = {name: city.services[name] for name in city.machine(machine).services}
    return {name: service for name, service in named.items() if service.tls}


def has_certificate(city: City, machine: str) -> bool:
    """Tell whether a machine offers a service over TLS, or opens a declared flow to one of another machine's."""
    return bool(offered(city, machine)) or any(_is_client(city, machine, flow) for flow in city.flows)


def _is_client(city: City, machine: str, flow: Flow) -> bool:
    if not city.services[flow.service].tls:
        return False
    own = {machine, *city.machine(machine).interfaces}
    inside = any(name != INTERNET and name not in city.fleets and name != machine for name in flow.destination)
    return inside and bool(own & set(flow.source))
