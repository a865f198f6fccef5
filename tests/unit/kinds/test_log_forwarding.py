from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.kinds import Site, _rsyslog
from beffroi.kinds.log_forwarding import _DAYS_KEPT, Params, Sender, Setting, _facts, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

SENDER = Setting(part="sender", port=514, collector="logs", domain="bourg.internal", address="10.0.3.11")
COLLECTOR = Setting(
    part="collector",
    port=514,
    collector="logs",
    domain="bourg.internal",
    senders=(Sender(name="app", address="10.0.4.10"),),
    silent_hours=24,
    keep_days=365,
)
FLOOR = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
FORWARD = {
    "type": "omfwd",
    "target": "10.0.3.11",
    "port": "514",
    "protocol": "tcp",
    "queue.filename": "q",
    "streamdriver": "gtls",
    "streamdrivermode": "1",
    "streamdriverauthmode": "x509/name",
    "streamdriverpermittedpeers": "logs.bourg.internal",
    "streamdriver.permitexpiredcerts": "off",
    "gnutlsprioritystring": FLOOR,
}
RECEIVER = {
    "load": "imtcp",
    "streamdriver.name": "gtls",
    "streamdriver.mode": "1",
    "streamdriver.authmode": "x509/name",
    "permittedpeer": "app.bourg.internal",
    "streamdriver.permitexpiredcerts": "off",
    "gnutlsprioritystring": FLOOR,
}
ALIKE: dict[str, Any] = {
    "valid": True,
    "legacy": 0,
    "dropped": 0,
    "stale": [],
    "authorities": ["/etc/beffroi/tls/ca.crt"],
    "ages": {},
    "today": "2026-11-26",
    "oldest": {},
}
SENDING = {**ALIKE, "forwards": [FORWARD], "sockets": [["ESTAB", "10.0.4.10:4", "10.0.3.11:514"]]}
COLLECTING = {
    **ALIKE,
    "receivers": [RECEIVER],
    "inputs": [{"type": "imtcp", "port": "514"}],
    "sockets": [["LISTEN", "0.0.0.0:514", "0.0.0.0:*"], ["LISTEN", "[::]:514", "[::]:*"]],
    "ages": {"app": 60, "logs": 60},
    "kept": [365, 365],
    "oldest": {"app": "2025-11-26", "logs": "2026-11-01"},
}


def _expected(town: City, machine: str, part: str) -> list[Setting]:
    params = Params.model_validate({"part": part})
    return expected(params, Site(name=machine, machine=town.machines()[machine], city=town))


def _sender(**changes: object) -> Outcome:
    return worst(judge([SENDER], {**SENDING, **changes}))


def _collector(**changes: object) -> Outcome:
    return worst(judge([COLLECTOR], {**COLLECTING, **changes}))


def test_a_machine_sends_to_the_address_by_which_it_reaches_the_collector(small_town: Town) -> None:
    assert _expected(small_town(), "app", "sender") == [SENDER]


def test_the_collector_hears_every_other_machine(small_town: Town) -> None:
    (setting,) = _expected(small_town(), "logs", "collector")
    assert {sender.name: sender.address for sender in setting.senders} == {
        "edge": "10.0.3.1",
        "core": "10.0.2.2",
        "bastion": "10.0.3.10",
        "app": "10.0.4.10",
        "db": "10.0.4.11",
    }


def test_the_collector_keeps_its_own_lines_with_those_of_the_others() -> None:
    assert COLLECTOR.heard() == ["app", "logs"]


@pytest.mark.parametrize(("machine", "part"), [("logs", "sender"), ("app", "collector")])
def test_each_side_has_its_own_part_alone(small_town: Town, machine: str, part: str) -> None:
    assert _expected(small_town(), machine, part) == []


def test_a_town_without_a_collector_asks_for_nothing(small_town: Town) -> None:
    town = small_town()
    logs = town.hosts["logs"].model_copy(update={"roles": ()})
    assert _expected(town.model_copy(update={"hosts": {**town.hosts, "logs": logs}}), "app", "sender") == []


def test_a_connected_sender_passes() -> None:
    assert _sender() is Outcome.PASS


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "udp"},
        {"target": "10.0.9.9"},
        {"queue.filename": ""},
        {"streamdriver": "ptcp"},
        {"streamdrivermode": "0"},
        {"streamdriverauthmode": "anon"},
        {"streamdriverauthmode": "x509/certvalid"},
        {"streamdriverpermittedpeers": ""},
        {"streamdriverpermittedpeers": "*.bourg.internal"},
        {"streamdriver.permitexpiredcerts": "warn"},
        {"gnutlsprioritystring": "NORMAL"},
    ],
)
def test_a_forwarding_that_may_lose_lines_goes_elsewhere_or_trusts_too_easily_fails(change: dict[str, str]) -> None:
    assert _sender(forwards=[{**FORWARD, **change}]) is Outcome.FAIL


@pytest.mark.parametrize(
    "change",
    [
        {"sockets": []},
        {"sockets": [*SENDING["sockets"], ["ESTAB", "10.0.4.10:5", "10.0.9.9:514"]]},
        {"forwards": []},
        {"forwards": [FORWARD, {**FORWARD, "target": "10.0.9.9"}]},
        {"valid": False},
        {"legacy": 1},
        {"dropped": 1},
        {"stale": ["/etc/rsyslog.conf"]},
        {"authorities": ["/etc/beffroi/tls/ca.crt", "/srv/ca.crt"]},
        {"authorities": []},
    ],
)
def test_a_sender_that_is_cut_copies_its_lines_or_runs_something_else_fails(change: dict[str, Any]) -> None:
    assert _sender(**change) is Outcome.FAIL


def test_a_collector_that_hears_everybody_passes() -> None:
    assert _collector() is Outcome.PASS


@pytest.mark.parametrize(
    "change",
    [
        {"streamdriver.name": "ptcp"},
        {"streamdriver.mode": "0"},
        {"streamdriver.authmode": "anon"},
        {"permittedpeer": "app.bourg.internal,stranger.bourg.internal"},
        {"permittedpeer": ""},
        {"streamdriver.permitexpiredcerts": "warn"},
        {"gnutlsprioritystring": "NORMAL"},
    ],
)
def test_a_collector_that_trusts_too_easily_fails(change: dict[str, str]) -> None:
    assert _collector(receivers=[{**RECEIVER, **change}]) is Outcome.FAIL


@pytest.mark.parametrize("ages", [{}, {"app": 60}, {"app": 24 * 3600 + 1, "logs": 60}])
def test_a_machine_that_was_silent_too_long_fails(ages: dict[str, int]) -> None:
    assert _collector(ages=ages) is Outcome.FAIL


@pytest.mark.parametrize("kept", [[], [30, 365], [365, 30], [365]])
def test_a_collector_that_keeps_less_than_declared_fails(kept: list[int]) -> None:
    assert _collector(kept=kept) is Outcome.FAIL


def test_a_line_older_than_declared_fails_even_of_a_machine_that_is_gone() -> None:
    assert _collector(oldest={"gone": "2025-11-25"}) is Outcome.FAIL


@pytest.mark.parametrize(
    "change",
    [
        {"sockets": [["LISTEN", "0.0.0.0:22", "0.0.0.0:*"]]},
        {"sockets": [*COLLECTING["sockets"], ["UNCONN", "0.0.0.0:515", "0.0.0.0:*"]]},
        {"inputs": [*COLLECTING["inputs"], {"type": "imudp", "port": "515"}]},
        {"inputs": []},
        {"receivers": []},
        {"receivers": [RECEIVER, RECEIVER]},
    ],
)
def test_a_collector_that_hears_nothing_or_by_another_way_too_fails(change: dict[str, Any]) -> None:
    assert _collector(**change) is Outcome.FAIL


def test_how_long_lines_are_kept_is_read_from_logrotates_rules() -> None:
    assert _DAYS_KEPT.findall("/var/log/remote/*.log {\n  daily\n  rotate 30\n  # rotate 9\n  maxage 31\n}\n") == [
        "30",
        "31",
    ]


def test_comments_and_other_actions_are_not_forwardings() -> None:
    text = (
        '# action(type="omfwd" target="10.0.0.1")\n'
        'action(type="omfile" file="/x")\n'
        'ACTION (Type = "omfwd"\n target="10.0.0.2" peers=["a", "b"])\n'
    )
    assert [it for it in _rsyslog.objects(text, "action") if it["type"] == "omfwd"] == [
        {"type": "omfwd", "target": "10.0.0.2", "peers": "a,b"}
    ]


@pytest.mark.parametrize("line", ["*.* @10.0.0.1", "*.* @@10.0.0.1:514", "auth.* @(z9)host", "$InputTCPServerRun 514"])
def test_old_style_lines_are_counted(line: str) -> None:
    assert _rsyslog.legacy_lines(f"# {line}\nmail.* -/var/log/mail.log\n{line}\n") == 1


@pytest.mark.parametrize("line", [':msg, contains, "x" stop', "& stop", ":msg, contains, 'x' ~", "if $msg then stop"])
def test_statements_that_throw_lines_away_are_counted_up_to_ours(line: str) -> None:
    text = f'# stop\nmodule(load="non-stop")\n{line}\naction(name="ours")\n& stop\n'
    assert (_rsyslog.discards(text, 'name="ours"'), _rsyslog.discards(text)) == (1, 2)


def test_what_a_machine_answers_becomes_days_and_counts_alone() -> None:
    seen = {
        "configuration": 'input(type="imuxsock")\n',
        "sockets": "tcp LISTEN 0 25 0.0.0.0:514 0.0.0.0:* cgroup:/system.slice/rsyslog.service <->\n"
        "tcp LISTEN 0 25 0.0.0.0:22 0.0.0.0:* cgroup:/system.slice/ssh.service <->\n",
        "now": "1000 2026-11-26",
        "newest": "app 940\n\nlogs \n",
        "oldest": "app 2026-01-02 2026-01-01\nzcat: broken\n",
        "rotation": "",
        "stale": "find: '/etc/beffroi': nothing\n/etc/rsyslog.conf\n",
    }
    facts = _facts(seen, valid=True)
    assert facts["sockets"] == [["LISTEN", "0.0.0.0:514", "0.0.0.0:*"]]
    assert facts["ages"] == {"app": 60}
    assert facts["oldest"] == {"app": "2026-01-01"}
    assert facts["stale"] == ["/etc/rsyslog.conf"]
    assert facts["inputs"] == []
