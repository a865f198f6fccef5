"""Readings on real machines, from a device to a row: whose it is does not arrive, and no hostile one stops it."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from towns import LabTown

pytestmark = pytest.mark.lab

MARK = "Beffroi-Semence-"
TLS = "--cafile /etc/beffroi/tls/ca.crt -h 10.99.20.14 -p 8883"
PASSES_ON = "sensors/readings-pass-on-pseudonymised"
SECONDS = 45
KEY = "/etc/beffroi/ingestion/pseudonyms.key"


def _device(hamlet: LabTown) -> str:
    names = hamlet.exec("mqtt", "cut -d: -f1 /etc/mosquitto/beffroi-accounts").split()
    return min(name for name in names if name.startswith("sensors-on-poles-"))


def _publish(hamlet: LabTown, device: str, *payloads: bytes, quality: int = 1) -> None:
    """Have a device say each of these on its own topic, with its own account; its password is said nowhere."""
    word = f'"$(grep "^{device}:" /etc/beffroi/secrets/broker-accounts | cut -d: -f2)"'
    say = f"mosquitto_pub {TLS} -u {device} -P {word} -q {quality} -t poles/{device}/pm25 -s"
    hamlet.exec("mqtt", "; ".join(f"printf %s {b64encode(it).decode()} | base64 -d | {say}" for it in payloads))


def _by_owner(hamlet: LabTown, sql: str) -> str:
    words = f"printf %s {b64encode(sql.encode()).decode()} | base64 -d | runuser -u postgres -- psql -XAtqd readings"
    return hamlet.exec("log", f"cd /; {words}").strip()


def _arrived(hamlet: LabTown, value: str) -> str:
    """Return the pseudonym of the row that holds a value, once it is there; "" when it does not come."""
    until, found = time.monotonic() + SECONDS, ""
    while not found and time.monotonic() < until:
        found = _by_owner(hamlet, f"SELECT DISTINCT sensor FROM reading WHERE value = '{value}' AND quantity = 'pm25'")
        time.sleep(0 if found else 1)
    return found


def _status(hamlet: LabTown) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(hamlet.exec("mqtt", "cat /run/beffroi-ingestion/status.json"))
    return said


def _dropped(hamlet: LabTown, count: int) -> int:
    """Return how many readings were dropped, once there are so many."""
    until = time.monotonic() + SECONDS
    while (found := int(_status(hamlet)["dropped"])) < count and time.monotonic() < until:
        time.sleep(1)
    return found


def _value() -> str:
    return str(100_000_000 + uuid4().int % 900_000_000)


@pytest.fixture(name="device", scope="module")
def _one_device(hamlet: LabTown) -> Iterator[str]:
    yield _device(hamlet)
    assert hamlet.apply().returncode == 0


@pytest.mark.parametrize("quality", [0, 1])
def test_a_devices_reading_becomes_a_row_under_its_pseudonym(hamlet: LabTown, device: str, quality: int) -> None:
    value = _value()
    _publish(hamlet, device, value.encode(), quality=quality)
    digest = f"openssl dgst -sha256 -mac HMAC -macopt hexkey:$(od -An -v -tx1 {KEY} | tr -d ' \\n')"
    wanted = hamlet.exec("mqtt", f"printf %s {device} | {digest}").split()[-1]
    assert _arrived(hamlet, value) == wanted


def test_a_devices_own_time_is_kept(hamlet: LabTown, device: str) -> None:
    value = _value()
    at = hamlet.exec("mqtt", "date -u -d '3 hours ago' +%Y-%m-%dT%H:%M:%SZ").strip()
    _publish(hamlet, device, json.dumps({"value": int(value), "at": at}).encode())
    assert _arrived(hamlet, value)
    kept = f"SELECT measured_at = '{at}' FROM reading WHERE value = '{value}'"
    assert _by_owner(hamlet, kept) == "t"


def test_no_identifier_reaches_the_database(hamlet: LabTown, device: str) -> None:
    value = _value()
    _publish(hamlet, device, value.encode())
    assert _arrived(hamlet, value)
    told = "SELECT count(*) FROM reading AS r WHERE r::text LIKE '%sensors-on-poles%'"
    assert _by_owner(hamlet, told) == "0"


def test_what_is_no_reading_is_counted_and_said_nowhere_and_stops_nothing(hamlet: LabTown, device: str) -> None:
    before = hamlet.exec("mqtt", "systemctl show -p MainPID,NRestarts beffroi-ingestion.service")
    dropped, mark = int(_status(hamlet)["dropped"]), f"{MARK}{uuid4()}"
    hostile = [
        mark.encode(),
        b"12\x00",
        b"NaN",
        b"\xff\xfe",
        b"7" * 4000,
        f'{{"value": "{mark}"}}'.encode(),
        b"[" * 250,
    ]
    _publish(hamlet, device, *hostile)
    assert _dropped(hamlet, dropped + len(hostile)) == dropped + len(hostile)
    value = _value()
    _publish(hamlet, device, value.encode())
    assert _arrived(hamlet, value)
    assert hamlet.exec("mqtt", "systemctl show -p MainPID,NRestarts beffroi-ingestion.service") == before
    search = "journalctl --no-pager -u beffroi-ingestion.service -u mosquitto.service"
    said = hamlet.exec("mqtt", search)
    assert mark not in said
    assert value not in said
    assert "Traceback" not in said


def test_what_is_sent_while_the_database_is_away_arrives_when_it_is_back(hamlet: LabTown, device: str) -> None:
    values = [_value() for _ in range(3)]
    hamlet.exec("log", "systemctl stop postgresql@15-main.service")
    try:
        _publish(hamlet, device, *(value.encode() for value in values))
        time.sleep(12)
        _publish(hamlet, device, (last := _value()).encode(), quality=0)
    finally:
        hamlet.exec("log", "systemctl start postgresql@15-main.service")
    assert [value for value in [*values, last] if not _arrived(hamlet, value)] == []
    said = hamlet.exec("mqtt", "journalctl --no-pager -u beffroi-ingestion.service")
    assert "no answer from: readings" in said
    assert [value for value in [*values, last] if value in said] == []


def test_a_broker_that_shows_another_certificate_is_told_nothing(hamlet: LabTown) -> None:
    hamlet.exec(
        "mqtt",
        "cd /etc/mosquitto && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mqtt.hamlet.internal"
        " -addext subjectAltName=IP:10.99.20.14 -keyout other.key -out other.crt 2> /dev/null"
        " && chown mosquitto other.key && sed -i -e 's|^certfile .*|certfile /etc/mosquitto/other.crt|'"
        " -e 's|^keyfile .*|keyfile /etc/mosquitto/other.key|' mosquitto.conf && systemctl restart mosquitto.service",
    )
    try:
        time.sleep(15)
        said = hamlet.exec("mqtt", "journalctl --no-pager -u beffroi-ingestion.service -n 5")
        assert "no answer: SSLCertVerificationError" in said
    finally:
        hamlet.exec("mqtt", "rm -f /etc/mosquitto/other.key /etc/mosquitto/other.crt")
        done = hamlet.apply()
    assert done.returncode == 0, done.stdout[-3000:]


def test_nothing_passes_on_while_it_is_stopped_and_verify_says_so(hamlet: LabTown) -> None:
    hamlet.exec("mqtt", "systemctl stop beffroi-ingestion.service")
    try:
        assert hamlet.not_passing() == {("mqtt", PASSES_ON): "fail", ("mqtt", "sensors/pass-on-confined"): "fail"}
    finally:
        hamlet.exec("mqtt", "systemctl start beffroi-ingestion.service")
