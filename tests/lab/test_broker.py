"""The broker on a real machine: a device writes to its own topics, over TLS, and nobody does anything else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from towns import LabTown

pytestmark = pytest.mark.lab

ADDRESS = "10.99.20.14"
TLS = f"--cafile /etc/beffroi/tls/ca.crt -h {ADDRESS} -p 8883"


ANSWERED = "grep -q answered $said && ! grep -q '\"answered\": {[^}]*null' $said"


@pytest.fixture(autouse=True, scope="module")
def _nobody_else_listens(hamlet: LabTown) -> Iterator[None]:
    """Stop what passes readings on: it has the same account, and the broker lets one in at a time."""
    hamlet.exec("mqtt", "systemctl stop beffroi-ingestion.service")
    yield
    hamlet.exec(
        "mqtt",
        "systemctl start beffroi-ingestion.service; said=/run/beffroi-ingestion/status.json; "
        f"for second in $(seq 30); do if {ANSWERED}; then break; fi; sleep 1; done",
    )


def _password(account: str) -> str:
    """Return the shell's way to an account's password: it is read on the machine, and said nowhere."""
    return f'"$(grep "^{account}:" /etc/beffroi/secrets/broker-accounts | cut -d: -f2)"'


def _devices(hamlet: LabTown) -> list[str]:
    names = hamlet.exec("mqtt", "cut -d: -f1 /etc/mosquitto/beffroi-accounts").split()
    return sorted(name for name in names if name.startswith("sensors-on-poles-"))


def _heard(hamlet: LabTown, topic: str, options: str) -> str:
    """Publish one reading, and return what whoever may read everything hears of it within some seconds."""
    listen = f"timeout 8 mosquitto_sub {TLS} -u readings -P {_password('readings')} -t 'poles/+/pm25' -C 1 -W 6"
    publish = f"timeout 5 mosquitto_pub {options} -t {topic} -m 12 2>&1 || true"
    return hamlet.exec(
        "mqtt", f"{listen} > /root/heard 2>&1 & sleep 1; {publish}; wait; cat /root/heard; rm /root/heard"
    )


def test_a_device_publishes_to_its_own_topic(hamlet: LabTown) -> None:
    device = _devices(hamlet)[0]
    said = _heard(hamlet, f"poles/{device}/pm25", f"{TLS} -u {device} -P {_password(device)}")
    assert said.splitlines()[-1:] == ["12"], said


@pytest.mark.parametrize("sort", ["another device's topic", "no password", "in clear"])
def test_nobody_else_is_heard(hamlet: LabTown, sort: str) -> None:
    device, other, *_ = _devices(hamlet)
    own = f"-u {device} -P {_password(device)}"
    topic, options = {
        "another device's topic": (f"poles/{other}/pm25", f"{TLS} {own}"),
        "no password": (f"poles/{device}/pm25", TLS),
        "in clear": (f"poles/{device}/pm25", f"-h {ADDRESS} -p 8883 {own}"),
    }[sort]
    assert "12" not in _heard(hamlet, topic, options).splitlines()
