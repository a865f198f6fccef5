"""PostgreSQL as a server: what it encrypts, where it listens, who may connect and from where, how, and what it logs.

Looked at: what is in force, as PostgreSQL says it (`pg_settings`, `pg_hba_file_rules`, `pg_authid`), as the account
postgres. A password's verifier never leaves the machine: it is reduced there to the name of its scheme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import StringConstraints, model_validator

from beffroi.city import Host
from beffroi.city.databases import Database
from beffroi.errors import InvalidInput
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding_or_none as _finding
from beffroi.messages import say
from beffroi.network.routing import meeting
from beffroi.verdict import Finding, Outcome

from ._order import altogether, each, unordered
from ._psql import STATE, STOPPED, UNIT, answered, names, query
from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

DATABASE_ROLE = "database"
SUPERUSER = "postgres"

OptionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]*$", max_length=63)]
OptionValue = Annotated[str, StringConstraints(pattern=r"^[^'\\\x00-\x1f]*$", max_length=500)]

_ONE_ADDRESS = ("255.255.255.255", ":".join(["ffff"] * 8))
_LOCAL = f"local all {SUPERUSER} peer"
_POWERS = {
    "rolsuper": "superuser",
    "rolcreatedb": "createdb",
    "rolcreaterole": "createrole",
    "rolreplication": "replication",
    "rolbypassrls": "bypassrls",
}


class Params(KindModel):
    """A part of the server: `options` with their values, its `addresses`, its `clients`, or its `accounts`."""

    part: Literal["options", "addresses", "clients", "accounts"]
    options: dict[OptionName, OptionValue] = {}
    service: str = "postgresql"

    @model_validator(mode="after")
    def _options_are_of_their_part(self) -> Self:
        if (self.part == "options") != bool(self.options):
            raise ValueError(say("kinds-database-options"))
        return self


class Client(KindModel):
    """A declared way in: which account, in which database, from which address."""

    database: str
    account: str
    address: str

    def rule(self) -> str:
        """Return the rule as `pg_hba_file_rules` tells it."""
        return f"hostssl {self.database} {self.account} {self.address} scram-sha-256"


class Account(KindModel):
    """An account that connects: its database, and the machine that holds its secret."""

    name: str
    database: str
    host: str


class Setting(SettingModel):
    """One option and its value, every client that may connect, or every account there is."""

    part: Literal["option", "clients", "accounts"]
    name: str = ""
    value: str = ""
    clients: tuple[Client, ...] = ()
    accounts: tuple[Account, ...] = ()

    @property
    def key(self) -> str:
        """Return the option, or the part."""
        return self.name or self.part


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the part of the machine's server, on one that keeps a declared database and offers the service.

    Raise InvalidInput where two databases share an account's name.
    """
    if params.service not in site.machine.services or not databases(site):
        return []
    if params.part == "options":
        return [Setting(part="option", name=name, value=value) for name, value in params.options.items()]
    if params.part == "addresses":
        ours = [side for it in site.machine.interfaces.values() for side in (it.ipv4, it.ipv6)]
        port = site.city.services[params.service].ranges()[0][0]
        return [
            Setting(part="option", name="listen_addresses", value=",".join(map(str, ours))),
            Setting(part="option", name="port", value=str(port)),
        ]
    if params.part == "clients":
        return [Setting(part="clients", clients=tuple(_clients(site)))]
    return [Setting(part="accounts", accounts=tuple(_accounts(site)))]


def databases(site: Site) -> list[tuple[str, Database, str]]:
    """Return the name, the database and the folder of each store of a machine that is a database."""
    stores = site.machine.stores if isinstance(site.machine, Host) else {}
    return [(name, store.database, store.path) for name, store in stores.items() if store.database is not None]


def _accounts(site: Site) -> Iterator[Account]:
    seen: set[str] = set()
    for _, database, _ in databases(site):
        for name, account in database.accounts.items():
            if name in seen or name == SUPERUSER or name.startswith("pg_"):
                raise InvalidInput(
                    say("database-account-taken", name=name), where=site.name, hint=say("database-account-taken-hint")
                )
            seen.add(name)
            yield Account(name=name, database=database.name, host=account.host)


def _clients(site: Site) -> Iterator[Client]:
    for account in _accounts(site):
        for address in _addresses(site, account.host):
            yield Client(database=account.database, account=account.name, address=str(address))


def _addresses(site: Site, client: str) -> Iterator[IPv4Address | IPv6Address]:
    """Yield the addresses from which a machine's connections come: its own, by the segment that leads here."""
    if client == site.name:
        sides = list(site.machine.interfaces.values())
    else:
        met = meeting(site.city, client, site.name)
        sides = [met[0]] if met else []
    for side in sides:
        yield from (side.ipv4, side.ipv6)


def weakened(before: Params, after: Params) -> bool | None:
    """Tell whether a part is given up; options' values are not ordered."""
    if before.part != after.part or before.service != after.service:
        return True
    return altogether([each(before.options, after.options, lambda _: unordered)])


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Ask PostgreSQL for its options, the rules by which it lets in, and its accounts without their verifiers."""
    wanted = tuple(sorted({setting.name for setting in settings if setting.part == "option"}))
    asked = {"state": STATE, "server": query("postgres", _SERVER.format(options=names(wanted)))}
    seen = look(host, asked, may_fail=frozenset(asked))
    state = seen["state"].text.strip()
    if state in STOPPED:
        return {"state": state}
    answer = answered(seen["server"])
    return {
        "state": state,
        "options": dict(answer["options"]),
        "pending": list(answer["pending"]),
        "overridden": list(answer["overridden"]),
        "rules": [_rule(rule) for rule in answer["rules"]],
        "in_force": answer["in_force"] is True,
        "accounts": {account["name"]: _account(account) for account in answer["accounts"]},
        "members": list(answer["members"]),
    }


_SERVER = """
SELECT json_build_object(
  'options', (SELECT coalesce(json_object_agg(name, setting), '{{}}') FROM pg_settings WHERE name IN ({options})),
  'pending', (SELECT coalesce(json_agg(name), '[]') FROM pg_settings WHERE pending_restart AND name IN ({options})),
  'overridden', (SELECT coalesce(json_agg(DISTINCT split_part(entry, '=', 1)), '[]')
    FROM pg_db_role_setting, unnest(setconfig) AS entry WHERE split_part(entry, '=', 1) IN ({options})),
  'rules', (SELECT coalesce(json_agg(json_build_array(type, database, user_name, address, netmask, auth_method,
    options, error IS NOT NULL) ORDER BY line_number), '[]') FROM pg_hba_file_rules),
  'in_force', (SELECT modification <= pg_conf_load_time() FROM pg_stat_file(current_setting('hba_file'))),
  'accounts', (SELECT json_agg(json_build_object('name', rolname, 'login', rolcanlogin, 'rolsuper', rolsuper,
    'rolcreatedb', rolcreatedb, 'rolcreaterole', rolcreaterole, 'rolreplication', rolreplication,
    'rolbypassrls', rolbypassrls, 'kept', CASE WHEN rolpassword IS NULL THEN 'none'
      WHEN rolpassword LIKE 'SCRAM-SHA-256$%' THEN 'scram-sha-256' WHEN rolpassword LIKE 'md5%' THEN 'md5'
      ELSE 'other' END)) FROM pg_authid WHERE rolname !~ '^pg_'),
  'members', (SELECT coalesce(json_agg(m.rolname || ' in ' || r.rolname), '[]') FROM pg_auth_members a
    JOIN pg_roles m ON m.oid = a.member JOIN pg_roles r ON r.oid = a.roleid WHERE m.rolname !~ '^pg_'))
"""


def _rule(rule: Sequence[Any]) -> str:
    """Return a rule in words; a mask of one address is not said."""
    sort, inside, who, address, mask, method, more, wrong = rule
    if wrong:
        return "(a line that PostgreSQL cannot read)"
    alone = mask in (None, *_ONE_ADDRESS)
    place = [] if address is None else [address if alone else f"{address}/{mask}"]
    return " ".join([sort, ",".join(inside), ",".join(who), *place, method, *(more or [])])


def _account(account: dict[str, Any]) -> dict[str, Any]:
    powers = sorted(word for column, word in _POWERS.items() if account[column] is not False)
    return {"login": account["login"] is not False, "powers": powers, "kept": str(account["kept"])}


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge each option, every rule that lets somebody in, and every account."""
    if facts["state"] in STOPPED:
        return [_failing(UNIT, "active", facts["state"])]
    judges = {"option": _option, "clients": _rules, "accounts": _holders}
    return [finding for setting in settings for finding in judges[setting.part](setting, facts)]


def _option(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    observed = str(facts["options"].get(setting.name, "(unknown)"))
    yield _finding(observed == setting.value, setting.name, setting.value, observed)
    if setting.name in facts["pending"]:
        yield _failing(f"{setting.name}: in force", "yes", "no, waiting for a restart")
    if setting.name in facts["overridden"]:
        yield _failing(f"{setting.name}: set for an account or a database", "no", "yes")


def _rules(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    declared = [_LOCAL, *(client.rule() for client in setting.clients)]
    for rule in declared:
        yield _finding(rule in facts["rules"], rule, "in pg_hba.conf", "in it" if rule in facts["rules"] else "absent")
    for rule in sorted(set(facts["rules"]) - set(declared)):
        yield _failing("way in that nobody declared", "none", rule)
    in_force = facts["in_force"]
    yield _finding(in_force, "pg_hba.conf", "loaded since its last change", "loaded" if in_force else "not loaded")


def _holders(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    everybody = {SUPERUSER: "none", **{account.name: "scram-sha-256" for account in setting.accounts}}
    for name, kept in everybody.items():
        seen = facts["accounts"].get(name)
        powers = ", ".join(seen["powers"]) if seen and name != SUPERUSER else ""
        observed = f"verifier {seen['kept']}{f', {powers}' if powers else ''}" if seen else "absent"
        wanted = f"verifier {kept}"
        yield _finding(observed == wanted and seen["login"], name, wanted, observed)
    for name in sorted(set(facts["accounts"]) - set(everybody)):
        yield _failing("account that nobody declared", "none", name)
    for member in facts["members"]:
        yield _failing("account in another", "none", member)


def _failing(subject: str, wanted: str, observed: str) -> Finding:
    return Finding(outcome=Outcome.FAIL, subject=subject, expected=wanted, observed=observed)
