"""Citizens' requests, made up for the reference town: a WSGI application (PEP 3333) that keeps nothing itself.

A request is posted to /requests/<database> as a form; nothing of it stands in an address, so nothing of it is logged.
It becomes a row of the database's first table: a form's fields are the table's columns. Columns declared pseudonymised
receive a keyed digest (HMAC-SHA-256), whose key stays on this machine, away from the data.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psycopg2
from psycopg2 import sql

Entry = dict[str, Any]
Answer = tuple[str, str, bytes]

FILE = Path("/etc/beffroi/application/databases.json")
AUTHORITY = "/etc/beffroi/tls/ca.crt"
CREDENTIALS = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
LONGEST = 65_536
SECONDS = 5

PAGE = """<!doctype html>
<html lang="fr"><meta charset="utf-8"><title>Démarches en ligne</title>
<h1>Démarches en ligne</h1>
<p>Les demandes se déposent par formulaire, jamais par l'adresse de la page.</p>
</html>
""".encode()


def databases() -> dict[str, Entry]:
    """Return the databases that this machine may use, by name."""
    return {entry["database"]: entry for entry in json.loads(FILE.read_text("utf-8"))}


def connect(entry: Entry) -> Any:  # noqa: ANN401 - psycopg2 is untyped
    """Connect over TLS, the server's certificate verified for its name; raise OSError or what psycopg2 raises."""
    secret = CREDENTIALS / f"secrets_{entry['database']}.{entry['account']}"
    return psycopg2.connect(
        dbname=entry["database"],
        user=entry["account"],
        password=secret.read_text("utf-8").strip(),
        host=entry["name"],
        hostaddr=entry["address"],
        port=entry["port"],
        sslmode="verify-full",
        sslrootcert=AUTHORITY,
        connect_timeout=SECONDS,
    )


def state(entry: Entry) -> str:
    """Return whether a database answers; never why it does not."""
    try:
        connection = connect(entry)
    except (OSError, psycopg2.Error):
        return "unreachable"
    try:
        return "connected" if connection.info.ssl_in_use else "in clear"
    finally:
        connection.close()


def pseudonym(value: str) -> str:
    """Return the keyed digest that stands for an identifier."""
    key = (CREDENTIALS / "pseudonyms").read_bytes()
    return hmac.digest(key, value.strip().lower().encode(), "sha256").hex()


def keep(entry: Entry, form: dict[str, str]) -> None:
    """Insert a request; raise ValueError for a field that is no column."""
    columns = [name for name in entry["columns"] if name in form]
    if not columns or set(form) - set(columns):
        raise ValueError
    values = [pseudonym(form[name]) if name in entry["pseudonymised"] else form[name] for name in columns]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    marks = sql.SQL(", ").join(sql.Placeholder() * len(values))
    insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(entry["table"]), names, marks)
    connection = connect(entry)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(insert, values)
    finally:
        connection.close()


def health() -> Answer:
    """Return how the application is, as JSON: names of databases and words, nothing of anybody."""
    found = {name: state(entry) for name, entry in databases().items()}
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return "200 OK", "application/json", json.dumps({"program": digest, "databases": found}).encode()


def posted(environ: Entry) -> dict[str, str]:
    """Return a form's fields; raise ValueError when there is none, or too much of it."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= LONGEST:
        raise ValueError
    fields = parse_qs(environ["wsgi.input"].read(length).decode("utf-8"), strict_parsing=True, max_num_fields=50)
    return {name: values[0] for name, values in fields.items()}


def answer(environ: Entry) -> Answer:
    """Return a status, a type and a body."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    if method in {"GET", "HEAD"} and path in {"/", "/health"}:
        return health() if path == "/health" else ("200 OK", "text/html; charset=utf-8", PAGE)
    entry = databases().get(path.removeprefix("/requests/")) if path.startswith("/requests/") else None
    if method != "POST" or entry is None:
        return "404 Not Found", "text/plain", b"not found\n"
    try:
        keep(entry, posted(environ))
    except (ValueError, UnicodeDecodeError):
        return "400 Bad Request", "text/plain", b"not a request\n"
    except (OSError, psycopg2.Error):  # whose words may quote the form: nothing of it may reach a log
        return "503 Service Unavailable", "text/plain", b"try again later\n"
    return "201 Created", "text/plain", b"received\n"


def application(environ: Entry, start_response: Callable[..., Any]) -> list[bytes]:
    """Answer one request."""
    status, sort, body = answer(environ)
    start_response(status, [("Content-Type", sort), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
