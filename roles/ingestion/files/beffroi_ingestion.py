"""Pass readings on from the sensors' broker to the town's database, the devices' identifiers replaced by keyed digests.

A reading is acknowledged to the broker (MQTT 3.1.1, quality of service 1) once its row is written, and not before:
while the database does not answer, the broker keeps what arrives, within its own bounds, and delivers it again. So a
row may come twice, and none is lost in between. What is no reading is counted and dropped; no value is ever said.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import ssl
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NoReturn

import psycopg2
from paho.mqtt import client as mqtt
from psycopg2 import sql

Entry = dict[str, Any]

FILE = Path("/etc/beffroi/ingestion/ingestion.json")
AUTHORITY = "/etc/beffroi/tls/ca.crt"
CREDENTIALS = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
STATUS = Path(os.environ.get("RUNTIME_DIRECTORY", "/nonexistent")) / "status.json"
LONGEST = 256
"""Bytes that a reading may have."""
NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?")
OLDEST, EARLIEST = timedelta(days=1), timedelta(minutes=5)
"""How far a device's own time may be behind and ahead of ours: a row of next year would outlive its retention."""
SECONDS, KEEPALIVE, BEAT, LONGEST_PAUSE = 5, 30, 5.0, 15.0
NOT_GRANTED = 128
BROKER = "the broker"
"""How it is called beside databases, of which none has a space in its name."""


class Refused(Exception):
    """A message that is no reading."""


class Lost(Exception):
    """The broker or the database does not answer; its word says which."""


class Number(str):
    """A number of JSON, as it was written."""

    __slots__ = ()


def refuse(_: str) -> NoReturn:
    """Refuse what JSON does not have, and Python reads all the same: NaN, Infinity."""
    raise Refused


def source(topic: str, routes: list[Entry]) -> tuple[str, str]:
    """Return the device and the quantity that a topic names; raise Refused for a topic that no fleet has."""
    for route in routes:
        device = rf"(?P<device>{re.escape(route['fleet'])}-[0-9]{{2,7}})"
        first, *rest = map(re.escape, route["topic"].split("%u"))
        match = re.fullmatch(first + device + "(?P=device)".join(rest), topic, re.ASCII)
        if match:
            return match["device"], route["quantity"]
    raise Refused


def measure(payload: bytes, now: datetime) -> tuple[str, datetime]:
    """Return a payload's number and time: a number alone, or `{"value": 12.5, "at": "2026-11-26T12:00:00Z"}`."""
    if len(payload) > LONGEST:
        raise Refused
    try:
        text = payload.decode("ascii").strip(" \t\r\n")
        said = {"value": Number(text)} if NUMBER.fullmatch(text) else parsed(text)
        at = datetime.fromisoformat(said["at"]) if "at" in said else now
        if at.tzinfo is None or not now - OLDEST <= at <= now + EARLIEST:
            raise Refused
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Refused from error
    return str(said["value"]), at


def parsed(text: str) -> Entry:
    """Return an object of JSON with a value, at most a time, and nothing else; raise Refused, ValueError."""
    said = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=refuse)
    if not isinstance(said, dict) or not {"value"} <= set(said) <= {"value", "at"}:
        raise Refused
    value = said["value"]
    if not isinstance(value, Number) or not NUMBER.fullmatch(value):
        raise Refused
    return said


def pseudonym(key: bytes, value: str) -> str:
    """Return the keyed digest that stands for an identifier."""
    return hmac.digest(key, value.strip().lower().encode(), "sha256").hex()


def row_of(entry: Entry, reading: dict[str, str], at: datetime, key: bytes) -> Entry:
    """Return a reading as a row: its columns, those declared pseudonymised as keyed digests."""
    row: Entry = {entry["columns"]["time"]: at}
    for part, value in reading.items():
        column = entry["columns"][part]
        row[column] = pseudonym(key, value) if column in entry["pseudonymised"] else value
    return row


def connect(entry: Entry) -> Any:  # noqa: ANN401 - psycopg2 is untyped
    """Connect over TLS, the server's certificate verified for its name; raise OSError or what psycopg2 raises."""
    return psycopg2.connect(
        dbname=entry["database"],
        user=entry["account"],
        password=(CREDENTIALS / "database").read_text("utf-8").strip(),
        host=entry["name"],
        hostaddr=entry["address"],
        port=entry["port"],
        sslmode="verify-full",
        sslrootcert=AUTHORITY,
        connect_timeout=SECONDS,
        tcp_user_timeout=SECONDS * 1000,
        options=f"-c statement_timeout={SECONDS * 1000}",
    )


def keep(connection: Any, entry: Entry, row: Entry) -> None:  # noqa: ANN401 - psycopg2 is untyped
    """Insert a row, and return once it is written; raise what psycopg2 raises."""
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    marks = sql.SQL(", ").join(sql.Placeholder() * len(row))
    insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(entry["table"]), names, marks)
    with connection, connection.cursor() as cursor:
        cursor.execute(insert, list(row.values()))


class Status:
    """What this program says of itself: what it runs, counts, and when each end last answered. Of readings, nothing."""

    def __init__(self, database: str, configuration: bytes) -> None:
        self.program = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        self.configuration = hashlib.sha256(configuration).hexdigest()
        self.counts = {"received": 0, "written": 0, "dropped": 0}
        self.answered: dict[str, int | None] = {BROKER: None, database: None}
        self.last: int | None = None

    def heard(self, end: str) -> None:
        """Note that an end has just answered."""
        self.answered[end] = int(time.time())

    def count(self, what: str) -> None:
        """Count a reading that was received, written or dropped."""
        self.counts[what] += 1
        if what == "written":
            self.last = int(time.time())

    def write(self) -> None:
        """Write it, whole at every moment."""
        said = {"program": self.program, "configuration": self.configuration, "at": int(time.time())}
        draft = STATUS.with_suffix(".new")
        draft.write_text(json.dumps({**said, **self.counts, "answered": self.answered, "last": self.last}), "utf-8")
        draft.chmod(0o644)  # counts and times: nothing to hide
        draft.replace(STATUS)


class Passage:
    """The way from the broker to the database."""

    def __init__(self, settings: Entry, key: bytes, status: Status) -> None:
        self.broker, self.entry = settings["broker"], settings["database"]
        self.key, self.status = key, status
        self.connection: Any = None
        self.subscribed = self.well = False
        self.due = 0.0

    def open(self) -> Any:  # noqa: ANN401 - psycopg2 is untyped
        """Return the connection to the database; raise Lost where there is none."""
        if self.connection is None:
            try:
                self.connection = connect(self.entry)
            except (OSError, psycopg2.Error) as error:
                raise Lost(self.entry["database"]) from error
        return self.connection

    def take(self, topic: str, payload: bytes) -> None:
        """Keep a reading, or drop what is none; raise Lost when the database did not say that it has it."""
        try:
            device, quantity = source(topic, self.broker["routes"])
            value, at = measure(payload, datetime.now(timezone.utc))  # noqa: UP017 - as any Python has it
            reading = {"device": device, "quantity": quantity, "value": value}
            keep(self.open(), self.entry, row_of(self.entry, reading, at, self.key))
        except (Refused, psycopg2.DataError, psycopg2.IntegrityError):
            self.status.count("dropped")
        except psycopg2.Error as error:  # it is asked again, and what it says may quote the row
            raise Lost(self.entry["database"]) from error
        else:
            self.status.count("written")
        self.status.count("received")

    def client(self) -> Any:  # noqa: ANN401 - paho is untyped
        """Return a client that verifies the broker, and whose session outlives its connection."""
        made = mqtt.Client(client_id=self.broker["account"], clean_session=False, protocol=mqtt.MQTTv311)
        context = ssl.create_default_context(cafile=AUTHORITY)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        made.tls_set_context(context)
        made.username_pw_set(self.broker["account"], (CREDENTIALS / "broker").read_text("utf-8").strip())
        made.on_connect, made.on_subscribe, made.on_message = self.on_connect, self.on_subscribe, self.on_message
        return made

    def on_connect(self, client: Any, _userdata: object, _flags: object, code: int) -> None:  # noqa: ANN401
        """Subscribe to what the fleets write; raise Lost when the broker lets us not in."""
        if code:
            raise Lost(BROKER)
        client.subscribe([(topic, 1) for topic in self.broker["filters"]])

    def on_subscribe(self, _client: object, _userdata: object, _number: int, granted: tuple[int, ...]) -> None:
        """Note that the broker grants it all; raise Lost when it does not."""
        if any(quality >= NOT_GRANTED for quality in granted):
            raise Lost(BROKER)
        self.subscribed, self.due = True, 0.0

    def on_message(self, _client: object, _userdata: object, message: Any) -> None:  # noqa: ANN401
        """Take a message: paho acknowledges it when this returns, and not when it raises."""
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self.take(topic, message.payload)

    def beat(self) -> None:
        """Ask both ends whether they are there, and say so; raise Lost."""
        if not self.subscribed:
            raise Lost(BROKER)
        self.status.heard(BROKER)
        try:
            with self.open() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error as error:
            raise Lost(self.entry["database"]) from error
        self.status.heard(self.entry["database"])
        self.status.write()
        if not self.well:
            sys.stderr.write("both ends answer\n")
        self.well = True

    def turn(self) -> NoReturn:
        """Pass readings on until an end is lost; raise Lost, or what paho raises."""
        self.subscribed = self.well = False
        client = self.client()
        try:
            client.connect(self.broker["address"], self.broker["port"], keepalive=KEEPALIVE)
            self.due = time.monotonic() + BEAT
            while True:
                if client.loop(timeout=1.0) != mqtt.MQTT_ERR_SUCCESS:
                    raise Lost(BROKER)
                if time.monotonic() >= self.due:
                    self.beat()
                    self.due = time.monotonic() + BEAT
        finally:
            client.disconnect()
            if self.connection is not None:
                self.connection.close()
                self.connection = None


def main() -> NoReturn:
    """Pass readings on, for ever; what goes wrong is named, and never quoted."""
    text = FILE.read_bytes()
    settings = json.loads(text)
    status = Status(settings["database"]["database"], text)
    passage = Passage(settings, (CREDENTIALS / "pseudonyms").read_bytes(), status)
    status.write()
    said, pause = "", 1.0
    while True:
        began = time.monotonic()
        try:
            passage.turn()
        except Lost as lost:
            wrong = f"no answer from: {lost}"
        except Exception as error:  # noqa: BLE001 - whatever it is, its words may quote a reading
            wrong = f"no answer: {type(error).__name__}"
        status.write()
        pause = 1.0 if time.monotonic() - began > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
        if passage.well or wrong != said:
            said = wrong
            sys.stderr.write(f"{wrong}\n")
        time.sleep(pause)


def say_its_name_alone(sort: type[BaseException], *_: object) -> None:
    """Say what stops the program, without its words and where it was."""
    sys.stderr.write(f"stopped: {sort.__name__}\n")


if __name__ == "__main__":
    sys.excepthook = say_its_name_alone
    main()
