from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.errors import CouldNotLook
from beffroi.kinds import Site, account
from beffroi.kinds.account import Params, Rule, Setting
from beffroi.verdict import Finding, Outcome

Says = Callable[..., Any]

KEY = "ssh-ed25519 AAAAC3Nza"
ACCOUNTS = "root:shadow:0:/root:/bin/bash\ngames:shadow:5:/usr/games:/usr/sbin/nologin\n"
PASSWORDS = "root:locked\ngames:locked\n"
SOUND = {"accounts": ACCOUNTS, "passwords": PASSWORDS, "groups": "root\ngames\n", "keys": ""}

ONE_ROOT = Setting(rule=Rule.ONE_ROOT)
NO_EMPTY = Setting(rule=Rule.NO_EMPTY_PASSWORD)
YESCRYPT = Setting(rule=Rule.YESCRYPT)
SYSTEM = Setting(rule=Rule.SYSTEM_LOCKED)
LOGINS = Setting(rule=Rule.KNOWN_LOGINS, allowed=("root",))
HOLDERS = Setting(rule=Rule.KEY_HOLDERS, allowed=("deploy",))
ROOT_LOCKED = Setting(rule=Rule.LOCKED, account="root")
ROOT_KEYS = Setting(rule=Rule.KEYS, account="root")
GAMES = Setting(rule=Rule.SERVICE, account="games", allowed=("games",))
EVERY_RULE = [ONE_ROOT, NO_EMPTY, YESCRYPT, SYSTEM, LOGINS, HOLDERS, ROOT_LOCKED, ROOT_KEYS, GAMES]


def finding(host: object, setting: Setting) -> Finding:
    (found,) = account.judge([setting], account.observe(host, [setting]))
    return found


@pytest.mark.parametrize("setting", EVERY_RULE, ids=lambda setting: setting.key)
def test_a_sound_machine_passes(host_that_says: Says, setting: Setting) -> None:
    assert finding(host_that_says(**SOUND), setting).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("setting", "section", "text"),
    [
        (ONE_ROOT, "accounts", ACCOUNTS + "toor:shadow:0:/root:/bin/sh\n"),
        (NO_EMPTY, "passwords", "root:locked\ngames:empty\n"),
        (NO_EMPTY, "accounts", ACCOUNTS + "toor:empty:1000:/:/bin/sh\n"),
        (YESCRYPT, "passwords", "root:$6\ngames:locked\n"),
        (YESCRYPT, "passwords", "root:des\ngames:locked\n"),
        (SYSTEM, "passwords", "root:locked\ngames:$y\n"),
        (SYSTEM, "accounts", ACCOUNTS + "nobody:shadow:65534:/:\n"),
        (LOGINS, "accounts", ACCOUNTS + "ancien:shadow:1001:/home/ancien:/bin/bash\n"),
        (HOLDERS, "keys", f"games {KEY}\n"),
        (ROOT_LOCKED, "passwords", "root:$y\ngames:locked\n"),
        (ROOT_KEYS, "keys", f"root {KEY}\n"),
        (ROOT_KEYS, "keys", "root (not a key)\n"),
        (GAMES, "accounts", "root:shadow:0:/root:/bin/bash\n"),
        (GAMES, "groups", "root\n"),
        (GAMES, "keys", f"games {KEY}\n"),
        (GAMES, "accounts", ACCOUNTS.replace("/usr/sbin/nologin", "/bin/sh")),
    ],
)
def test_a_way_in_that_a_rule_closes_fails(host_that_says: Says, setting: Setting, section: str, text: str) -> None:
    assert finding(host_that_says(**{**SOUND, section: text}), setting).outcome is Outcome.FAIL


def test_the_account_that_breaks_a_rule_is_named(host_that_says: Says) -> None:
    host = host_that_says(**{**SOUND, "passwords": "root:$6\ngames:locked\n"})
    assert finding(host, YESCRYPT).observed == "root: sha512"


def test_a_declared_key_passes_whatever_its_comment(host_that_says: Says) -> None:
    setting = Setting(rule=Rule.KEYS, account="root", allowed=(f"{KEY} somebody's",))
    host = host_that_says(**{**SOUND, "keys": f"root {KEY}\n"})
    assert finding(host, setting).outcome is Outcome.PASS


def test_a_declared_key_that_is_missing_fails(host_that_says: Says) -> None:
    setting = Setting(rule=Rule.KEYS, account="root", allowed=(KEY,))
    assert finding(host_that_says(**SOUND), setting).outcome is Outcome.FAIL


def test_an_answer_that_makes_no_sense_could_not_be_looked_at(host_that_says: Says) -> None:
    with pytest.raises(CouldNotLook):
        account.observe(host_that_says(**{**SOUND, "accounts": "getent: no\n"}), [ONE_ROOT])


def test_the_owners_of_stores_come_from_the_city(site_of: Callable[[str], Site]) -> None:
    params = Params(rule=Rule.SERVICE, store_owners=True)
    assert account.expected(params, site_of("app")) == [Setting(rule=Rule.SERVICE, account="civil", allowed=("civil",))]


@pytest.mark.parametrize("params", [{"rule": "locked"}, {"rule": "one-root", "accounts": ["root"]}])
def test_a_rule_that_is_about_nobody_is_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Params.model_validate(params)
