"""Ansible module: databases with the declared tables, columns and privileges. It drops nothing that holds a row."""

from __future__ import annotations

import hmac
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.sql_words import name, text_of

MARK = "Beffroi-Semence-"
"""How every made-up value begins, so that a test can look for it wherever no value may be."""
DIGEST = "^[0-9a-f]{64}$"
OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
TABLES = "SELECT relname, relkind FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE "

# Whatever somebody else than the owner may do: the same question that the check asks.
GRANTS = f"""
SELECT DISTINCT grantee::regrole::text || ' ' || lower(privilege_type) || ' ' || thing
  || CASE WHEN is_grantable THEN ', and may pass it on' ELSE '' END FROM (
  SELECT relname AS thing, relowner AS owner, (aclexplode(relacl)).*
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE {OURS}
  UNION ALL SELECT relname || '.' || attname, relowner, (aclexplode(attacl)).*
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE {OURS}
  UNION ALL SELECT 'schema ' || n.nspname, nspowner, (aclexplode(coalesce(nspacl, acldefault('n', nspowner)))).*
    FROM pg_namespace n WHERE {OURS}
  UNION ALL SELECT 'database', datdba, (aclexplode(coalesce(datacl, acldefault('d', datdba)))).*
    FROM pg_database WHERE datname = current_database()
  UNION ALL SELECT 'what will be made', defaclrole, (aclexplode(defaclacl)).* FROM pg_default_acl
  UNION ALL SELECT relname, 10::oid, 10::oid, relowner, 'own', false
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relowner <> 10 AND {OURS}
  UNION ALL SELECT 'database', 10::oid, 10::oid, datdba, 'own', false
    FROM pg_database WHERE datname = current_database() AND datdba <> 10) AS given
WHERE grantee <> owner AND grantee <> 10"""


def sql(text: str, database: str = "postgres") -> list[list[str]]:
    """Run SQL as postgres and return the rows that it gives; raise ValueError with what PostgreSQL said."""
    psql = ("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t")
    words = ("runuser", "-u", "postgres", "--", *psql, "--set=ON_ERROR_STOP=1", "--dbname", database)
    # Terse: PostgreSQL's details would quote the row that it refuses.
    said = f"\\set VERBOSITY terse\n{text}"
    done = subprocess.run(words, input=said, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        said_back = f"{database}: {done.stderr.strip()[-1000:]}"
        raise ValueError(said_back)
    return [line.split("\t") for line in done.stdout.splitlines() if line]


class Database:
    """One database on its way to what is declared: what was done to it, and what was left to people."""

    def __init__(self, called: str, *, dry: bool) -> None:
        self.name, self.dry = called, dry
        self.changes: list[str] = []
        self.left: list[str] = []

    def ask(self, text: str) -> list[list[str]]:
        """Ask the database; nothing where it is not made yet."""
        there = sql(f"SELECT 1 FROM pg_database WHERE datname = {text_of(self.name)}")
        return sql(text, self.name) if there else []

    def do(self, what: str, text: str, database: str | None = None) -> None:
        """Do something to the database, and note it."""
        self.changes.append(f"{self.name}: {what}")
        if not self.dry:
            sql(text, database or self.name)

    def make(self, path: str) -> None:
        """Make the database, in a tablespace at the store's folder."""
        space = f"store_{self.name}"
        held = sql(f"SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = {text_of(space)}")
        if not held and not self.dry:
            Path(path).mkdir(parents=True, exist_ok=True)
            shutil.chown(path, "postgres", "postgres")
            os.chmod(path, 0o700)  # noqa: PTH101 - as PostgreSQL's own documentation asks
        if not held:
            self.do("tablespace", f"CREATE TABLESPACE {name(space)} LOCATION {text_of(path)};", "postgres")
        if not sql(f"SELECT 1 FROM pg_database WHERE datname = {text_of(self.name)}"):
            how = f"TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' TABLESPACE {name(space)}"
            self.do("made", f"CREATE DATABASE {name(self.name)} {how};", "postgres")

    def tables(self, declared: dict[str, list[str]]) -> None:
        """Make tables and columns that lack; drop those that nobody declared where they hold nothing."""
        there = dict(self.ask(f"{TABLES} relkind IN ('r', 'v', 'm', 'p', 'f') AND {OURS}"))
        for table, columns in declared.items():
            if table not in there:
                made = ", ".join(f"{name(column.split()[0])} {sort(column)}" for column in columns)
                self.do(table, f"CREATE TABLE {name(table)} ({made});")
            else:
                self.columns(table, columns)
        for table in sorted(set(there) - set(declared)):
            if there[table] == "v":
                self.do(f"{table} dropped", f"DROP VIEW {name(table)};")
            elif there[table] == "r" and self.ask(f"SELECT NOT EXISTS (SELECT FROM {name(table)})") == [["t"]]:
                self.do(f"{table} dropped", f"DROP TABLE {name(table)};")
            else:
                self.left.append(f"{self.name}.{table}: nobody declared it, and it holds rows")

    def columns(self, table: str, declared: list[str]) -> None:
        """Bring a table that is there to its columns."""
        which = f"attrelid = {text_of(name(table))}::regclass AND attnum > 0 AND NOT attisdropped"
        held = dict(self.ask(f"SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE {which}"))
        wanted = dict(column.split(" ", 1) for column in declared)
        for column, kind in wanted.items():
            if column not in held:
                added = f"ADD {name(column)} {sort(f'{column} {kind}')}"
                self.do(f"{table}.{column}", f"ALTER TABLE {name(table)} {added};")
            elif held[column] != kind:
                self.left.append(f"{self.name}.{table}.{column}: {held[column]}, not {kind}")
        for column in sorted(set(held) - set(wanted)):
            empty = f"SELECT NOT EXISTS (SELECT FROM {name(table)} WHERE {name(column)} IS NOT NULL)"
            if self.ask(empty) == [["t"]]:
                self.do(f"{table}.{column} dropped", f"ALTER TABLE {name(table)} DROP {name(column)};")
            else:
                self.left.append(f"{self.name}.{table}.{column}: nobody declared it, and it holds values")

    def digests(self, columns: list[str]) -> None:
        """Have the pseudonymised columns refuse what is no keyed digest."""
        bound = {
            line
            for (line,) in self.ask(
                "SELECT relname || '.' || attname FROM pg_constraint JOIN pg_class c ON c.oid = conrelid "
                "JOIN pg_attribute ON attrelid = c.oid AND attnum = ANY (conkey) WHERE contype = 'c' AND convalidated "
                f"AND pg_get_constraintdef(pg_constraint.oid) = format('CHECK ((%I ~ ''{DIGEST}''::text))', attname)"
            )
        }
        for which in columns:
            table, column = which.split(".")
            if which not in bound:
                new = f"ADD CONSTRAINT {name(f'digest_{column}')} CHECK ({name(column)} ~ '{DIGEST}')"
                old = f"DROP CONSTRAINT IF EXISTS {name(f'digest_{column}')}"
                try:
                    self.do(f"{which} bound", f"ALTER TABLE {name(table)} {old}, {new};")
                except ValueError:
                    self.changes.pop()
                    self.left.append(f"{self.name}.{which}: holds values that are no keyed digest")

    def privileges(self, wanted: list[str]) -> None:
        """Take everything back and grant what is declared, in one go, where that is not what stands."""
        held = {line for (line,) in self.ask(GRANTS)}
        if held == set(wanted):
            return
        everybody = [who for (who,) in sql("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND oid <> 10")]
        missing = sorted({grant.split()[0] for grant in wanted} - set(everybody))
        steps = [f"CREATE ROLE {name(who)};" for who in missing]
        steps += [f"ALTER DATABASE {name(self.name)} OWNER TO postgres;"]
        for (table,) in self.ask(f"SELECT relname FROM ({TABLES} relkind = 'r' AND relowner <> 10 AND {OURS}) AS t"):
            steps.append(f"ALTER TABLE {name(table)} OWNER TO postgres;")
        for who in ("PUBLIC", *map(name, everybody)):
            for what in ("ALL TABLES IN SCHEMA public", "ALL SEQUENCES IN SCHEMA public", "SCHEMA public"):
                steps.append(f"REVOKE ALL ON {what} FROM {who};")
            steps.append(f"REVOKE ALL ON DATABASE {name(self.name)} FROM {who};")
            steps.append(f"ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {who};")
        steps += [grant_of(self.name, grant) for grant in wanted]
        self.do("privileges", "BEGIN;\n" + "\n".join(steps) + "\nCOMMIT;")

    def seed(self, table: str, columns: list[str], digests: list[str], rows: int, minutes: int) -> None:
        """Put made-up rows of several ages into an empty table, in a lab alone."""
        if rows == 0 or self.dry or self.ask(f"SELECT EXISTS (SELECT FROM {name(table)})") == [["t"]]:
            return
        if not in_a_lab():
            refused = "seeded_rows is for a lab's machines, and this is none"
            raise ValueError(refused)
        given = [column.split()[0] for column in columns if column.split()[0] != "id"]
        dated = {column.split()[0] for column in columns if column.endswith("time zone")}
        key, now = secrets.token_bytes(32), datetime.now(timezone.utc)  # noqa: UP017 - any Python that a machine has
        lines = []
        for number in range(rows):
            age = timedelta(minutes=minutes * 0.9 * number / rows)
            made: dict[str, str] = {column: f"{MARK}{column}-{number}" for column in given}
            made |= {column: (now - age).isoformat() for column in dated}
            for column in given:
                if f"{table}.{column}" in digests:
                    made[column] = hmac.digest(key, made[column].encode(), "sha256").hex()
            lines.append("(" + ", ".join(text_of(made[column]) for column in given) + ")")
        self.do(
            f"{rows} made-up rows in {table}",
            f"INSERT INTO {name(table)} ({', '.join(map(name, given))}) VALUES {', '.join(lines)};",
        )


def sort(column: str) -> str:
    """Return a column's type, and what it is when nobody says: a row without its date would never go."""
    word, _, kind = column.partition(" ")
    if word == "id" and kind == "bigint":
        return "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
    return f"{kind} NOT NULL DEFAULT now()" if kind.endswith("time zone") else kind


def grant_of(database: str, grant: str) -> str:
    """Return the SQL of a privilege, written `account privilege table`."""
    who, privilege, thing = grant.split(" ", 2)
    on = {"database": f"DATABASE {name(database)}", "schema public": "SCHEMA public"}.get(thing, f"TABLE {name(thing)}")
    return f"GRANT {privilege} ON {on} TO {name(who)};"


def in_a_lab() -> bool:
    """Tell whether this is a machine of the lab: a container of systemd-nspawn, as no town's server is."""
    mark = Path("/run/systemd/container")
    return mark.is_file() and mark.read_text().strip() == "systemd-nspawn"


def undeclared(declared: list[str], left: list[str], *, dry: bool) -> Iterator[str]:
    """Drop the databases that no store declares and that hold nothing; name the others."""
    known = ["postgres", "template0", "template1", *declared]
    for (other,) in sql("SELECT datname FROM pg_database"):
        if other in known:
            continue
        empty = sql(f"SELECT NOT EXISTS ({TABLES} {OURS}) AND NOT EXISTS (SELECT FROM pg_largeobject_metadata)", other)
        if empty == [["t"]]:
            yield f"{other} dropped"
            if not dry:
                sql(f"DROP DATABASE {name(other)} WITH (FORCE);")
        else:
            left.append(f"{other}: no store declares it, and it holds something")


PARTS: dict[str, Callable[[Database, dict[str, Any]], None]] = {
    "columns": lambda database, it: (
        database.make(it["path"]),
        database.tables({table["name"]: table["columns"] for table in it["tables"]}),
    )[-1],
    "pseudonyms": lambda database, it: database.digests(it["digests"]),
    "privileges": lambda database, it: database.privileges(it["grants"]),
}


def enforce(settings: list[dict[str, Any]], *, dry: bool) -> tuple[list[str], list[str]]:
    """Make every database what is declared; return what changed, and what is left to people."""
    changes: list[str] = []
    left: list[str] = []
    for part, see_to in PARTS.items():
        for setting in (it for it in settings if it["part"] == part):
            database = Database(setting["database"], dry=dry)
            see_to(database, setting)
            changes, left = changes + database.changes, left + database.left
    for setting in (it for it in settings if it["seeded_rows"]):
        database = Database(setting["database"], dry=dry)
        same = [it for it in settings if it["database"] == setting["database"]]
        digests = [column for it in same for column in it["digests"]]
        minutes = next((it["erasure"]["minutes"] for it in same if it["erasure"]), 60)
        for table in setting["tables"]:
            database.seed(table["name"], table["columns"], digests, setting["seeded_rows"], minutes)
        changes += database.changes
    for setting in (it for it in settings if it["part"] == "declared"):
        changes += undeclared(setting["databases"], left, dry=dry)
    return changes, left


def main() -> None:
    """Make the databases what is declared."""
    module = settings_module()
    try:
        changes, left = enforce(module.params["settings"], dry=module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    for line in left:
        module.warn(f"left to people: {line}")
    module.exit_json(changed=bool(changes), changes=changes, left=left)


if __name__ == "__main__":
    main()
