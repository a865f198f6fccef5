"""The program that passes readings on, as hostile devices and a database that comes and goes meet it."""

from __future__ import annotations

import hmac
import importlib.util
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[3] / "roles" / "ingestion" / "files" / "beffroi_ingestion.py"
NOW = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)  # noqa: UP017 - as the program has it
KEY = b"k" * 32
DEVICE = "poles-07"
ROUTES = [
    {"topic": "poles/%u/pm25", "fleet": "poles", "quantity": "pm25"},
    {"topic": "%u/again/%u/noise", "fleet": "walls", "quantity": "noise"},
]
ENTRY = {
    "database": "readings",
    "columns": {"device": "sensor", "quantity": "quantity", "value": "value", "time": "measured_at"},
    "pseudonymised": ["sensor"],
}


class Trouble(Exception):
    pass


class DataTrouble(Trouble):
    pass


class IntegrityTrouble(Trouble):
    pass


@pytest.fixture(name="program")
def _program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:  # noqa: ANN401 - a module loaded by its path
    database = ModuleType("psycopg2")
    database.__dict__.update(
        Error=Trouble, DataError=DataTrouble, IntegrityError=IntegrityTrouble, sql=SimpleNamespace()
    )
    paho = ModuleType("paho.mqtt")
    paho.__dict__.update(client=SimpleNamespace(MQTT_ERR_SUCCESS=0))
    for name, module in {"psycopg2": database, "paho": ModuleType("paho"), "paho.mqtt": paho}.items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("beffroi_ingestion", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    made.__dict__["STATUS"] = tmp_path / "status.json"
    return made


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"12", "12"),
        (b"-0.5", "-0.5"),
        (b" 12.25\r\n", "12.25"),
        (b"1.2e-3", "1.2e-3"),
        (b'{"value": 12.5}', "12.5"),
        (b'{"value": 7, "at": "2026-11-26T11:59:00Z"}', "7"),
    ],
)
def test_a_reading_is_read(program: Any, payload: bytes, value: str) -> None:  # noqa: ANN401
    assert program.measure(payload, NOW)[0] == value


def test_a_reading_without_a_time_has_ours(program: Any) -> None:  # noqa: ANN401
    assert program.measure(b"12", NOW)[1] == NOW


def test_a_reading_keeps_its_devices_time(program: Any) -> None:  # noqa: ANN401
    at = NOW - timedelta(hours=3)
    assert program.measure(json.dumps({"value": 1, "at": at.isoformat()}).encode(), NOW)[1] == at


HOSTILE = [
    b"",
    b" ",
    b"twelve",
    b"12\x00",
    b"\x00",
    b"\xff\xfe12",
    "\u0661\u0662".encode(),
    b"1_000",
    b"0x10",
    b"12; DROP TABLE reading",
    b"12 13",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"9" * 13,
    b"9" * 5000,
    b"1e999",
    b" " * 300 + b"1",
    b'"12"',
    b"[12]",
    b"null",
    b"true",
    b"{",
    b"{}",
    b"[" * 255,
    b'{"value": "12"}',
    b'{"value": true}',
    b'{"value": null}',
    b'{"value": NaN}',
    b'{"value": [12]}',
    b'{"value": 1e999}',
    b'{"at": "2026-11-26T11:59:00Z"}',
    b'{"value": 12, "name": "Beffroi"}',
    b'{"value": 12, "at": 5}',
    b'{"value": 12, "at": null}',
    b'{"value": 12, "at": "yesterday"}',
    b'{"value": 12, "at": "2026-11-26T11:59:00"}',
    b'{"value": 12, "at": "2027-11-26T11:59:00Z"}',
    b'{"value": 12, "at": "2026-11-26T12:06:00Z"}',
    b'{"value": 12, "at": "2026-11-25T11:59:00Z"}',
    b'{"value": 12, "at": "0001-01-01T00:00:00+14:00"}',
    b'{"value": 12, "at": "9999-12-31T23:59:59-14:00"}',
]


@pytest.mark.parametrize("payload", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_reading_is_refused(program: Any, payload: bytes) -> None:  # noqa: ANN401
    with pytest.raises(program.Refused):
        program.measure(payload, NOW)


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("poles/poles-07/pm25", ("poles-07", "pm25")),
        ("walls-12/again/walls-12/noise", ("walls-12", "noise")),
    ],
)
def test_a_topic_names_a_device_and_what_it_measures(program: Any, topic: str, found: tuple[str, str]) -> None:  # noqa: ANN401
    assert program.source(topic, ROUTES) == found


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "poles/poles-07",
        "poles/poles-07/pm25/more",
        "poles/poles-07/pm25\n",
        "poles/poles-7/pm25",
        "poles/poles-/pm25",
        "poles/poles-0 7/pm25",
        "poles/poles-\u0660\u0667/pm25",
        "poles/walls-07/pm25",
        "poles/poles-07'/pm25",
        "poles/poles-07\x00/pm25",
        "poles/+/pm25",
        "poles/poles-" + "0" * 4000 + "/pm25",
        "walls-12/again/walls-13/noise",
        "$SYS/broker/version",
    ],
)
def test_a_topic_of_another_shape_is_refused(program: Any, topic: str) -> None:  # noqa: ANN401
    with pytest.raises(program.Refused):
        program.source(topic, ROUTES)


def test_a_row_has_a_keyed_digest_in_the_place_of_the_device(program: Any) -> None:  # noqa: ANN401
    reading = {"device": DEVICE, "quantity": "pm25", "value": "12"}
    assert program.row_of(ENTRY, reading, NOW, KEY) == {
        "measured_at": NOW,
        "sensor": hmac.digest(KEY, DEVICE.encode(), "sha256").hex(),
        "quantity": "pm25",
        "value": "12",
    }


class Kept:
    """Stands for the database: what it is given, and what it says."""

    def __init__(self, program: Any, trouble: Exception | None = None) -> None:  # noqa: ANN401
        self.rows: list[dict[str, Any]] = []
        self.trouble = trouble
        program.__dict__.update(connect=lambda _: object(), keep=self.keep)

    def keep(self, _connection: object, _entry: object, row: dict[str, Any]) -> None:
        if self.trouble:
            raise self.trouble
        self.rows.append(row)


def _passage(program: Any) -> Any:  # noqa: ANN401
    settings = {"broker": {"routes": ROUTES}, "database": ENTRY}
    return program.Passage(settings, KEY, program.Status("readings", b"{}"))


def _message(payload: bytes, topic: str = f"poles/{DEVICE}/pm25") -> SimpleNamespace:
    return SimpleNamespace(topic=topic, payload=payload)


def test_a_reading_is_written_and_counted(program: Any) -> None:  # noqa: ANN401
    kept, passage = Kept(program), _passage(program)
    passage.on_message(None, None, _message(b"12"))
    assert len(kept.rows) == 1
    assert passage.status.counts == {"received": 1, "written": 1, "dropped": 0}


@pytest.mark.parametrize("message", [_message(b"\x00"), _message(b"12", "poles/other/pm25")])
def test_what_is_no_reading_is_counted_and_reaches_no_database(program: Any, message: Any) -> None:  # noqa: ANN401
    kept, passage = Kept(program), _passage(program)
    passage.on_message(None, None, message)
    assert kept.rows == []
    assert passage.status.counts == {"received": 1, "written": 0, "dropped": 1}


def test_a_topic_that_is_no_text_is_counted(program: Any) -> None:  # noqa: ANN401
    class Message:
        payload = b"12"

        @property
        def topic(self) -> str:
            return b"\xff".decode()

    passage = _passage(program)
    passage.on_message(None, None, Message())
    assert passage.status.counts["dropped"] == 1


@pytest.mark.parametrize("trouble", [DataTrouble("12"), IntegrityTrouble("12")])
def test_a_reading_that_the_database_refuses_is_counted(program: Any, trouble: Exception) -> None:  # noqa: ANN401
    Kept(program, trouble)
    passage = _passage(program)
    passage.on_message(None, None, _message(b"12"))
    assert passage.status.counts == {"received": 1, "written": 0, "dropped": 1}


def test_a_reading_that_the_database_does_not_answer_for_is_not_acknowledged(program: Any) -> None:  # noqa: ANN401
    Kept(program, Trouble("12"))
    passage = _passage(program)
    with pytest.raises(program.Lost, match=r"^readings$"):
        passage.on_message(None, None, _message(b"12"))
    assert passage.status.counts == {"received": 0, "written": 0, "dropped": 0}


def test_what_it_says_of_itself_names_no_device_and_no_value(program: Any) -> None:  # noqa: ANN401
    Kept(program)
    passage = _passage(program)
    passage.on_message(None, None, _message(b"4217"))
    passage.status.heard("readings")
    passage.status.write()
    said = program.STATUS.read_text()
    assert DEVICE not in said
    assert json.loads(said)["written"] == 1
    assert set(json.loads(said)["answered"]) == {"the broker", "readings"}


@pytest.mark.parametrize("granted", [(1, 128), (128,)])
def test_a_broker_that_grants_less_than_all_is_no_broker(program: Any, granted: tuple[int, ...]) -> None:  # noqa: ANN401
    passage = _passage(program)
    with pytest.raises(program.Lost):
        passage.on_subscribe(None, None, 1, granted)
    assert not passage.subscribed


def test_what_stops_it_is_named_and_not_quoted(program: Any, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401
    program.say_its_name_alone(ValueError, ValueError("4217"), None)
    assert capsys.readouterr().err == "stopped: ValueError\n"
