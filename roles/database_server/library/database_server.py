"""Ansible module: PostgreSQL 15 with the declared options, ways in and accounts, and no others."""

from __future__ import annotations

import grp
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.sql_words import name, text_of

CLUSTER = ("15", "main")
FOLDER = Path("/etc/postgresql/15/main")
OPTIONS = FOLDER / "conf.d" / "beffroi.conf"
RULES = FOLDER / "pg_hba.conf"
FILES = ("ssl_cert_file", "ssl_key_file", "ssl_ca_file")
HEAD = "# Written by the role database_server.\n"
POWERS = ("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication", "rolbypassrls")
# What is said to the server may hold a verifier: it is written to no log, whatever the server's own options say.
SILENTLY = "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic';\n"


def run(*words: str, said: str | None = None) -> str:
    """Run a program; raise ValueError with what it said when it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, input=said, capture_output=True, text=True, check=False, cwd="/", env=environment)
    if done.returncode:
        said_back = f"{words[0]}: {(done.stderr or done.stdout).strip()[-1500:]}"
        raise ValueError(said_back)
    return done.stdout


def sql(text: str, database: str = "postgres") -> list[list[str]]:
    """Run SQL as postgres and return the rows that it gives."""
    psql = ("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t")
    said = SILENTLY + text
    found = run("runuser", "-u", "postgres", "--", *psql, "--set=ON_ERROR_STOP=1", "--dbname", database, said=said)
    return [line.split("\t") for line in found.splitlines() if line]


def install() -> list[str]:
    """Have PostgreSQL and its cluster; return what was missing."""
    changes = []
    if not Path("/usr/lib/postgresql/15/bin/postgres").exists():
        run("apt-get", "--quiet", "--yes", "install", "--no-install-recommends", "postgresql-15")
        changes.append("postgresql-15")
    if not FOLDER.is_dir():
        run("pg_createcluster", *CLUSTER)
        changes.append("cluster")
    return changes


def files_of(settings: list[dict[str, Any]]) -> dict[Path, str]:
    """Return the files that the settings ask for, and their text."""
    options = {it["name"]: it["value"] for it in settings if it["part"] == "option"}
    files = {}
    if options:
        files[OPTIONS] = HEAD + "".join(f"{option} = '{value}'\n" for option, value in sorted(options.items()))
    for setting in settings:
        if setting["part"] == "clients":
            files[RULES] = HEAD + "local all postgres peer\n" + "".join(map(rule, setting["clients"]))
    return files


def rule(client: dict[str, str]) -> str:
    """Return the line that lets one account into one database from one address, encrypted."""
    length = 128 if ":" in client["address"] else 32
    return f"hostssl {client['database']} {client['account']} {client['address']}/{length} scram-sha-256\n"


def set_options(settings: list[dict[str, Any]], module: AnsibleModule) -> Iterator[str]:
    """Write the files, have them loaded, and yield what was not in force."""
    wanted = {it["name"]: it["value"] for it in settings if it["part"] == "option"}
    absent = [wanted[option] for option in FILES if option in wanted and not Path(wanted[option]).exists()]
    if absent:
        missing = f"missing: {', '.join(absent)} (the kind `certificate` makes them)"
        raise ValueError(missing)
    stale = {path: text for path, text in files_of(settings).items() if not says(path, text)}
    yield from map(str, stale)
    if module.check_mode:
        return
    for path, text in stale.items():
        place_file(path, text, 0o640, (0, grp.getgrnam("postgres").gr_gid))
    if run("systemctl", "is-enabled", "postgresql.service").strip() != "enabled":
        run("systemctl", "enable", "--quiet", "postgresql.service")
        yield "postgresql.service at boot"
    if subprocess.run(("pg_ctlcluster", *CLUSTER, "status"), capture_output=True, check=False, cwd="/").returncode:
        run("systemctl", "start", "postgresql@15-main.service")
        yield "postgresql.service"
    yield from in_force(wanted, loaded=not stale)


def in_force(wanted: dict[str, str], *, loaded: bool) -> Iterator[str]:
    """Take back what overrides the files, load them, restart where that is needed; yield what was done."""
    listed = ", ".join(map(text_of, wanted)) or "NULL"
    overriding = sql(
        f"SELECT DISTINCT name FROM pg_file_settings WHERE name IN ({listed}) AND sourcefile ~ 'auto.conf$'"
    )
    overriding += sql(
        "SELECT DISTINCT split_part(e, '=', 1), setrole::regrole, coalesce(datname, '') FROM pg_db_role_setting s "
        "CROSS JOIN unnest(setconfig) e LEFT JOIN pg_database d ON d.oid = setdatabase "
        f"WHERE split_part(e, '=', 1) IN ({listed})"
    )
    for option, *place in overriding:
        sql(reset(option, *place))
        yield f"{option}: override removed"
    fresh = sql("SELECT modification <= pg_conf_load_time() FROM pg_stat_file(current_setting('hba_file'))")
    off = sql(f"SELECT name || '=' || setting FROM pg_settings WHERE name IN ({listed})")
    different = {pair for (pair,) in off} != {f"{option}={value}" for option, value in wanted.items()}
    if not loaded or overriding or different or fresh != [["t"]]:
        run("systemctl", "reload", "postgresql@15-main.service")
        sql("SELECT pg_sleep(0.5)")
        yield "reloaded"
    if sql(f"SELECT 1 FROM pg_settings WHERE pending_restart AND name IN ({listed})"):
        run("systemctl", "restart", "postgresql@15-main.service")
        yield "restarted"


def reset(option: str, account: str = "", database: str = "") -> str:
    """Return the SQL that takes an override back: the whole server's, an account's, a database's, or both's."""
    if not account and not database:
        return f"ALTER SYSTEM RESET {name(option)}"
    if account in ("", "-"):
        return f"ALTER DATABASE {name(database)} RESET {name(option)}" if database else f"ALTER ROLE ALL RESET {option}"
    inside = f" IN DATABASE {name(database)}" if database else ""
    return f"ALTER ROLE {account}{inside} RESET {name(option)}"


def accounts(wanted: Iterable[dict[str, str]], verifiers: dict[str, str]) -> list[tuple[str, str]]:
    """Return what each account lacks or has too many of, and the SQL that sees to it."""
    columns = f"rolname, coalesce(rolpassword, ''), rolcanlogin AND NOT ({' OR '.join(POWERS)})"
    held = {row[0]: tuple(row[1:]) for row in sql(f"SELECT {columns} FROM pg_authid WHERE rolname !~ '^pg_'")}
    steps = []
    for account in wanted:
        who = account["name"]
        verifier = verifiers[f"{account['database']}.{who}"]
        if held.get(who) != (verifier, "t"):
            create = "" if who in held else f"CREATE ROLE {name(who)};\n"
            no_power = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
            lasting = "VALID UNTIL 'infinity' CONNECTION LIMIT -1"
            steps.append(
                (who, f"{create}ALTER ROLE {name(who)} LOGIN {no_power} PASSWORD {text_of(verifier)} {lasting};")
            )
    if held["postgres"][0]:
        steps.append(("postgres", "ALTER ROLE postgres PASSWORD NULL;"))
    for member, role in sql(
        "SELECT m.rolname, r.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member "
        "JOIN pg_roles r ON r.oid = a.roleid WHERE m.rolname !~ '^pg_'"
    ):
        steps.append((f"{member} in {role}", f"REVOKE {name(role)} FROM {name(member)};"))
    declared = {"postgres", *(account["name"] for account in wanted)}
    return steps + [(who, f"ALTER ROLE {name(who)} NOLOGIN PASSWORD NULL;") for who in held if who not in declared]


def remove(declared: set[str]) -> list[str]:
    """Remove accounts that nobody declared; what they own goes to postgres: no row is lost."""
    strays = [who for (who,) in sql("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'") if who not in declared]
    places = sql("SELECT datname FROM pg_database WHERE datallowconn") if strays else []
    for who in strays:
        sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {text_of(who)}")
        for (place,) in places:
            sql(f"REASSIGN OWNED BY {name(who)} TO postgres; DROP OWNED BY {name(who)};", place)
        sql(f"DROP ROLE {name(who)};")
    return strays


def enforce(module: AnsibleModule) -> list[str]:
    """Do all of it, in order; return what changed."""
    settings = module.params["settings"]
    if module.check_mode and not FOLDER.is_dir():
        return ["postgresql-15"]
    changes = install() + list(set_options(settings, module))
    for setting in settings:
        if setting["part"] == "accounts":
            steps = accounts(setting["accounts"], module.params["verifiers"])
            changes += [subject for subject, _ in steps]
            if not module.check_mode:
                sql("".join(f"{step}\n" for _, step in steps))
                remove({"postgres", *(account["name"] for account in setting["accounts"])})
    return changes


def main() -> None:
    """Hold PostgreSQL to the settings."""
    module = settings_module(verifiers={"type": "dict", "required": True, "no_log": True})
    try:
        changes = enforce(module)
    except (OSError, ValueError, KeyError) as error:
        module.fail_json(msg=f"{type(error).__name__}: {error}")
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
