"""A database that holds people's data, met as its application and as others meet it: real connections, real rows."""

from __future__ import annotations

import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from towns import LabTown

pytestmark = pytest.mark.lab

MARK = "Beffroi-Semence-"
ROWS = 12
ADDRESS = "10.99.20.13"
ADDRESS_V6 = "2001:db8:99:14::13"
UNDECLARED = "data/no-undeclared-database"


class Desk:
    """The declared account, on the machine that holds its secret, with PostgreSQL's own client."""

    def __init__(self, town: LabTown) -> None:
        self.town = town

    def ask(self, sql: str, *, machine: str = "bastion", **connection: str) -> subprocess.CompletedProcess[str]:
        usual = {
            "host": ADDRESS,
            "dbname": "requests",
            "user": "svc_desk",
            "sslmode": "verify-full",
            "sslrootcert": "/etc/beffroi/tls/ca.crt",
            "connect_timeout": "5",
        }
        words = " ".join(f"{name}={value}" for name, value in {**usual, **connection}.items())
        credential = 'export PGPASSWORD="$(cat /etc/beffroi/secrets/requests.svc_desk 2>/dev/null || echo guessed)"'
        script = f"{credential}; cd /; {spelt(sql)} | psql -XAtq -v ON_ERROR_STOP=1 '{words}'"
        return self.town.beffroi("lab", "exec", machine, "--", "sh", "-euc", script)

    def refusal(self, sql: str, **connection: str) -> str:
        done = self.ask(sql, **connection)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def desk(hamlet: LabTown) -> Iterator[Desk]:
    done = hamlet.apply("--profile", "lab")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    hamlet.exec("bastion", "apt-get -q -y install --no-install-recommends postgresql-client-15")
    yield Desk(hamlet)
    hamlet.exec("bastion", "apt-get -q -y purge --autoremove postgresql-client-15 postgresql-client-common")


def by_owner(town: LabTown, sql: str, database: str = "requests") -> str:
    return town.exec("log", f"cd /; {spelt(sql)} | runuser -u postgres -- psql -XAtqd {database}").strip()


def spelt(text: str) -> str:
    """Return a command that says a text, which sudo's log of that command does not hold."""
    return f"printf %s {b64encode(text.encode()).decode()} | base64 -d"


def logged(town: LabTown, text: str) -> list[str]:
    """Return where a text is in the logs of the machine, which are the whole town's too."""
    search = (
        f'text="$({spelt(text)})"; grep -rlF -e "$text" /var/log /run/log || :; '
        'journalctl --no-pager | grep -F -e "$text" || :'
    )
    return town.exec("log", search).split()


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS_V6])
def test_the_declared_account_reads_and_writes_what_it_may(desk: Desk, address: str) -> None:
    read = desk.ask("SELECT count(*) >= 12 FROM request", host=address)
    assert read.stdout.strip() == "t", read.stderr
    for sql in ("UPDATE request SET status = 'seen'", f"INSERT INTO visit (reason) VALUES ('{MARK}visit')"):
        done = desk.ask(sql, host=address)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM visit",
        "DELETE FROM request",
        "TRUNCATE request",
        "UPDATE visit SET reason = ''",
        "CREATE TABLE copies (id int)",
        "CREATE TEMP TABLE copies (id int)",
        "COPY request TO PROGRAM 'cat'",
        "SELECT rolpassword FROM pg_authid",
        "SET ROLE postgres",
    ],
)
def test_the_declared_account_may_do_nothing_else(desk: Desk, sql: str) -> None:
    assert re.search("permission denied|must be superuser", desk.refusal(sql))


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_the_declared_account_enters_no_other_database(desk: Desk, database: str) -> None:
    assert "no pg_hba.conf entry" in desk.refusal("SELECT 1", dbname=database)


def test_a_connection_in_clear_is_refused(desk: Desk) -> None:
    assert "no encryption" in desk.refusal("SELECT 1", sslmode="disable")


def test_a_connection_by_an_older_tls_is_refused(desk: Desk) -> None:
    older = {"ssl_min_protocol_version": "TLSv1", "ssl_max_protocol_version": "TLSv1.1"}
    assert "SSL error" in desk.refusal("SELECT 1", **older)


@pytest.mark.parametrize("user", ["postgres", "svc_other"])
def test_another_account_is_refused_from_the_same_machine(desk: Desk, user: str) -> None:
    assert "no pg_hba.conf entry" in desk.refusal("SELECT 1", user=user)


def test_a_wrong_secret_is_refused(desk: Desk) -> None:
    assert "password authentication failed" in desk.refusal("SELECT 1", password="guessed")  # noqa: S106 - none


def test_the_database_refuses_the_account_from_a_machine_that_is_not_its_own(desk: Desk) -> None:
    # The machine itself: no firewall stands in between, and PostgreSQL refuses alone.
    assert "no pg_hba.conf entry" in desk.refusal("SELECT 1", machine="log", sslmode="require")


def test_another_machine_does_not_even_reach_the_database(hamlet: LabTown) -> None:
    reach = f"timeout 3 bash -c '</dev/tcp/{ADDRESS}/5432'"
    assert hamlet.beffroi("lab", "exec", "bastion", "--", "sh", "-c", reach).returncode == 0
    assert hamlet.beffroi("lab", "exec", "mirror", "--", "sh", "-c", reach).returncode != 0


def test_an_identifier_in_clear_is_refused_and_its_value_gets_into_no_log(desk: Desk) -> None:
    name = f"{MARK}{uuid4()}"
    said = desk.refusal(f"INSERT INTO request (citizen) VALUES ('{name}')")
    assert "violates check constraint" in said
    assert logged(desk.town, name) == []


def test_who_connected_is_in_the_log(desk: Desk) -> None:
    assert desk.ask("SELECT 1").returncode == 0
    seen = desk.town.exec("log", "journalctl -t postgres --no-pager | grep -c 'connection authorized: user=svc_desk'")
    assert int(seen) > 0


def test_made_up_rows_are_made_once_and_none_of_them_leaves_the_machine(desk: Desk, hamlet: LabTown) -> None:
    again = hamlet.apply("--profile", "lab")
    assert again.returncode == 0, again.stdout[-2000:]
    held = f"SELECT count(*) FROM request WHERE subject LIKE '{MARK}%'"
    assert by_owner(hamlet, held) == str(ROWS), desk
    ages = "SELECT count(DISTINCT received_at), bool_and(received_at > now() - interval '60 days') FROM request"
    assert by_owner(hamlet, ages) == f"{ROWS}|t"
    code, verdicts = hamlet.verdicts()
    told = hamlet.beffroi("verify")
    assert code == told.returncode == 0, told.stdout[-2000:]
    assert MARK not in again.stdout + again.stderr + told.stdout + told.stderr + str(verdicts)
    kept = [path for path in (hamlet.state / hamlet.stack / "runs").rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if MARK.encode() in path.read_bytes()] == []


def test_a_secret_and_its_verifier_are_on_their_machines_alone(hamlet: LabTown) -> None:
    secret = hamlet.exec("bastion", "cat /etc/beffroi/secrets/requests.svc_desk").strip()
    verifier = by_owner(hamlet, "SELECT rolpassword FROM pg_authid WHERE rolname = 'svc_desk'")
    assert verifier.startswith("SCRAM-SHA-256$")
    assert len(secret) > 40
    folder = hamlet.state / hamlet.stack
    for path in (path for name in ("runs", "pulumi", "ssh") for path in Path(folder, name).rglob("*")):
        if path.is_file():
            held = path.read_bytes()
            assert secret.encode() not in held, path
            assert verifier.encode() not in held, path
    assert logged(hamlet, verifier) == []


def test_a_database_that_holds_something_is_told_and_not_dropped(hamlet: LabTown) -> None:
    by_owner(hamlet, "CREATE DATABASE exports", "postgres")
    by_owner(hamlet, f"CREATE TABLE copy AS SELECT '{MARK}copy' AS name", "exports")
    try:
        hamlet.apply()
        assert by_owner(hamlet, "SELECT count(*) FROM copy", "exports") == "1"
        assert hamlet.not_passing() == {("log", UNDECLARED): "fail"}
    finally:
        by_owner(hamlet, "DROP DATABASE exports WITH (FORCE)", "postgres")


def test_a_row_that_outlived_its_retention_is_seen_then_erased_by_the_timers_service(hamlet: LabTown) -> None:
    by_owner(hamlet, f"INSERT INTO visit (came_at, reason) VALUES (now() - interval '61 days', '{MARK}old')")
    assert hamlet.not_passing() == {("log", "data/old-rows-erased"): "fail"}
    hamlet.exec("log", "systemctl start beffroi-erase-requests.service")
    assert by_owner(hamlet, f"SELECT count(*) FROM visit WHERE reason = '{MARK}old'") == "0"
    assert hamlet.not_passing() == {}
