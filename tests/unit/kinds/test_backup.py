from __future__ import annotations

import hashlib
import io
import struct
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.copying import keep, stream
from beffroi.errors import InvalidInput
from beffroi.kinds import Site
from beffroi.kinds import _backup_files as files
from beffroi.kinds.backup import Params, Setting, _options, _records, _repository, expected, judge, weakened
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

NOW = 2_000_000_000
TEXT = {"fr": "x", "en": "x"}


def _town(town: Town, *, database: bool = False, role: str = "backup") -> City:
    city = town()
    tables = {"people": {"columns": ["asked_on"], "dated_by": "asked_on"}}
    held = {"name": "people", "tables": tables, "accounts": {}} if database else None
    store = {"label": TEXT, "path": "/srv/people", "owner": "svc-people", "group": "svc-people", "database": held}
    kept = {"label": TEXT, "path": "/srv/copies", "owner": "svc-backup", "group": "svc-backup", "copies": ["people"]}
    machine = city.hosts["logs"].model_dump(mode="json", exclude_none=True)
    interfaces = {"admin": {"ipv4": "10.0.3.12", "ipv6": "fd00:0:0:3::12"}}
    vault = {**machine, "interfaces": interfaces, "roles": [role], "services": ["ssh"], "stores": {"copies": kept}}
    plain = city.model_dump(mode="json", by_alias=True, exclude_none=True)
    plain["hosts"]["vault"] = vault
    plain["hosts"]["db"]["stores"] = {"people": {key: value for key, value in store.items() if value is not None}}
    plain["processing"] = {
        "people": {
            "label": TEXT,
            "purpose": TEXT,
            "legal_basis": "public-task",
            "responsible": "it",
            "data_subjects": [TEXT],
            "categories": [{"label": TEXT}],
            "stores": ["people", "copies"],
            "retention": {"duration": "30 days", "starts": TEXT},
            "security_measures": [TEXT],
        }
    }
    return City.model_validate(plain)


def _expected(city: City, machine: str, part: str) -> list[Setting]:
    site = Site(name=machine, machine=city.machines()[machine], city=city)
    return expected(Params.model_validate({"part": part}), site)


def _setting(town: Town, part: str, *, database: bool = False) -> Setting:
    (setting,) = _expected(_town(town, database=database), {"source": "db", "keeper": "vault"}[part], part)
    return setting


def _placed(setting: Setting) -> dict[str, dict[str, str]]:
    return {
        it.path: {"held": f"root:root {it.mode}", "type": "regular file", "sha256": it.digest()} for it in setting.files
    }


def _unit(name: str, file: str = "", **more: str) -> dict[str, str]:
    alike = {"LoadState": "loaded", "NeedDaemonReload": "no", "DropInPaths": ""}
    return {"Id": name, **alike, "FragmentPath": f"{files.UNITS}/{file or name}", **more}


def _source(setting: Setting, **changes: object) -> dict[str, Any]:
    folder = {"held": "root:root 0755", "type": "directory", "sha256": "none"}
    socket, service = files.source_units("people")
    look = service.replace("@", "@look")
    facts: dict[str, Any] = {
        "account": {"uid": 990, "home": files.HOME, "shell": files.DOOR, "groups": [files.ACCOUNT]},
        "password": "!",
        "files": {
            **_placed(setting),
            **dict.fromkeys((files.FOLDER, files.HOME, f"{files.HOME}/.ssh"), folder),
            files.KEYS: {"held": "root:root 0644", "type": "regular file", "sha256": "x"},
            f"{files.SOCKETS}/people.sock": {"held": f"root:{files.ACCOUNT} 0660", "type": "socket", "sha256": "none"},
        },
        "keys": ['restrict,from="10.0.3.12,fd00:0:0:3::12",command="/usr/lib/beffroi/copy-door people"'],
        "units": {
            socket: _unit(socket, ActiveState="active", UnitFileState="enabled"),
            look: _unit(look, service, User="svc-people", AmbientCapabilities="cap_dac_read_search"),
        },
    }
    return {"source": {**facts, **changes}}


def _keeper(setting: Setting, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - facts of any sort
    timers = {
        name: _unit(name, ActiveState="active", UnitFileState="enabled", NextElapseUSecRealtime="Fri")
        if name.endswith(".timer")
        else _unit(name, Result="success", ExecMainExitTimestamp="Thu", ActiveState="inactive")
        for name in files.keeper_units("people")
    }
    secret = {"held": "root:root 0600", "type": "regular file", "sha256": "none"}
    record = {"held": "root:root 0644", "type": "regular file", "sha256": "none"}
    backup = {
        "at": NOW - 3600,
        "archive": "people-1",
        "bytes": 1,
        "checked": "good",
        "elsewhere": True,
        "fetched": True,
        "pruned": True,
        "segments": "abc",
    }
    restore = {
        "at": NOW - 3000,
        "archive": "people-1",
        "archives": 2,
        "oldest": NOW - 86400,
        "newest": NOW - 3700,
        "entries": 3,
        "equal": True,
        "encryption": "repokey-blake2",
    }
    facts: dict[str, Any] = {
        "now": NOW,
        "files": _placed(setting),
        "secrets": {
            files.SECRETS: {"held": "root:root 0700", "type": "directory", "sha256": "none"},
            **{f"{files.SECRETS}/people.{sort}": secret for sort in ("key", "ssh")},
            **{f"{files.RECORDS}/people.{act}": record for act in ("backup", "restore")},
        },
        "units": {**timers, "beffroi-purge-copies.timer": {"ActiveState": "inactive"}, **changes.pop("units", {})},
        "repositories": {
            "people": {
                "append_only": True,
                "keyed": True,
                "segments": "abc",
                "set_aside": [],
                **changes.pop("repository", {}),
            }
        },
        "records": {
            "people.backup": {**backup, **changes.pop("backup", {})},
            "people.restore": {**restore, **changes.pop("restore", {})},
        },
    }
    return {"keeper": {**facts, **changes}}


def test_a_store_is_fetched_from_the_address_by_which_its_keeper_reaches_it(small_town: Town) -> None:
    (copy,) = _setting(small_town, "keeper").copies
    assert (copy.address, copy.repository, copy.retention_hours) == ("10.0.4.11", "/srv/copies/people", 720)


def test_a_keeper_is_let_in_from_its_own_addresses_alone(small_town: Town) -> None:
    (copy,) = _setting(small_town, "source").copies
    assert copy.callers == ("10.0.3.12", "fd00:0:0:3::12")


@pytest.mark.parametrize(("machine", "part"), [("db", "keeper"), ("vault", "source"), ("app", "source")])
def test_each_side_has_its_own_part_alone(small_town: Town, machine: str, part: str) -> None:
    assert _expected(_town(small_town), machine, part) == []


def test_no_door_opens_for_a_machine_that_does_not_play_the_role(small_town: Town) -> None:
    assert _expected(_town(small_town, role="application"), "db", "source") == []


def test_a_keeper_that_no_path_joins_to_the_store_is_refused(small_town: Town) -> None:
    city = _town(small_town)
    apart = city.model_copy(update={"gateways": {}})
    with pytest.raises(InvalidInput):
        _expected(apart, "vault", "keeper")


def test_a_database_is_dumped_by_postgres_and_reads_nothing_else(small_town: Town) -> None:
    setting = _setting(small_town, "source", database=True)
    (service,) = [it.text for it in setting.files if it.path.endswith("beffroi-copy-people@.service")]
    assert "copy-stream database people\n" in service
    assert "User=postgres\n" in service
    assert "AmbientCapabilities" not in service


def test_no_secret_is_part_of_a_setting(small_town: Town) -> None:
    text = _setting(small_town, "keeper").model_dump_json()
    assert "PRIVATE KEY" not in text
    assert "LoadCredential=passphrase:/etc/beffroi/backup/people.key" in text


def test_a_source_in_order_passes(small_town: Town) -> None:
    setting = _setting(small_town, "source")
    assert worst(judge([setting], _source(setting))) is Outcome.PASS


@pytest.mark.parametrize(
    "changes",
    [
        {"account": None},
        {"account": {"uid": 0, "home": files.HOME, "shell": files.DOOR, "groups": [files.ACCOUNT]}},
        {"account": {"uid": 9, "home": files.HOME, "shell": "/bin/sh", "groups": [files.ACCOUNT]}},
        {"account": {"uid": 9, "home": files.HOME, "shell": files.DOOR, "groups": [files.ACCOUNT, "shadow"]}},
        {"password": "$"},
        {"keys": []},
        {"keys": ['restrict,command="/usr/lib/beffroi/copy-door people"']},
        {"keys": ['restrict,from="10.0.3.12,fd00:0:0:3::12"']},
        {"keys": ['from="10.0.3.12,fd00:0:0:3::12",command="/usr/lib/beffroi/copy-door people"']},
        {"keys": ["(not a key)"]},
        {"units": {}},
        {"files": {}},
    ],
)
def test_a_source_that_opens_more_or_nothing_fails(small_town: Town, changes: dict[str, Any]) -> None:
    setting = _setting(small_town, "source")
    assert worst(judge([setting], _source(setting, **changes))) is Outcome.FAIL


def test_a_second_key_beside_the_keepers_fails(small_town: Town) -> None:
    setting = _setting(small_town, "source")
    keys = _source(setting)["source"]["keys"]
    assert worst(judge([setting], _source(setting, keys=[*keys, *keys]))) is Outcome.FAIL


def test_a_keeper_in_order_passes(small_town: Town) -> None:
    setting = _setting(small_town, "keeper")
    assert worst(judge([setting], _keeper(setting))) is Outcome.PASS


@pytest.mark.parametrize(
    "changes",
    [
        {"repository": {"append_only": False}},
        {"repository": {"keyed": False}},
        {"repository": {"segments": "other"}},
        {"repository": {"segments": ""}},
        {"repository": {"set_aside": [NOW - 3 * 86400]}},
        {"backup": {"at": NOW - 31 * 3600}},
        {"backup": {"at": NOW + 3600}},
        {"backup": {"checked": "damaged"}},
        {"backup": {"checked": "error"}},
        {"backup": {"elsewhere": False}},
        {"backup": {"fetched": False}},
        {"backup": {"pruned": False}},
        {"backup": {"at": "yesterday"}},
        {"restore": {"at": NOW - 31 * 3600}},
        {"restore": {"newest": NOW - 31 * 3600}},
        {"restore": {"oldest": NOW - 31 * 86400}},
        {"restore": {"equal": False}},
        {"restore": {"equal": "yes"}},
        {"restore": {"entries": 0}},
        {"restore": {"archives": 0}},
        {"restore": {"encryption": "none"}},
        {"records": {}},
        {"repositories": {}},
        {"secrets": {}},
        {"files": {}},
        {"units": {"beffroi-backup-people.timer": {}}},
        {"units": {"beffroi-restore-people.service": {}}},
        {"units": {"beffroi-purge-copies.timer": {"ActiveState": "active"}}},
    ],
)
def test_copies_that_are_lost_open_or_kept_too_long_fail(small_town: Town, changes: dict[str, Any]) -> None:
    setting = _setting(small_town, "keeper")
    assert worst(judge([setting], _keeper(setting, **changes))) is Outcome.FAIL


def test_a_run_that_is_going_on_may_change_the_segments_and_has_no_next_one_yet(small_town: Town) -> None:
    setting = _setting(small_town, "keeper")
    name = "beffroi-backup-people.service"
    running = _unit(name, Result="success", ExecMainExitTimestamp="", ActiveState="activating")
    timer = "beffroi-backup-people.timer"
    due = _unit(timer, ActiveState="active", UnitFileState="enabled", NextElapseUSecRealtime="")
    facts = _keeper(setting, repository={"segments": "other"}, units={name: running, timer: due})
    assert worst(judge([setting], facts)) is Outcome.PASS


def test_of_a_key_its_options_alone_are_kept() -> None:
    assert _options('restrict,command="x y" ssh-ed25519 (key)') == 'restrict,command="x y"'


def test_a_record_that_is_no_json_object_is_none() -> None:
    assert _records(["a.backup {}", "a.restore [1]", "b.backup", "b.restore {cut"]) == {
        "a.backup": {},
        "a.restore": None,
        "b.backup": None,
        "b.restore": None,
    }


def test_a_repository_is_read_from_its_line() -> None:
    assert _repository("people|1|1|abc|.people.damaged-until-12 .people.damaged-until-x ") == (
        "people",
        {"append_only": True, "keyed": True, "segments": "abc", "set_aside": [12]},
    )


def test_an_older_newest_copy_is_a_weaker_control() -> None:
    assert weakened(Params(recent_hours=30), Params(recent_hours=60))
    assert not weakened(Params(recent_hours=60), Params(recent_hours=30))


def _sent(body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()
    return body + stream.END.format(stream=digest, marker=stream.NO_MARKER, machine="1" * 64).encode()


@pytest.mark.parametrize("size", [0, 1, 211, 5000, 3 << 20])
def test_what_a_source_sends_arrives_without_its_last_line(size: int) -> None:
    body, sink = b"x" * size, io.BytesIO()
    digest, count, last = keep.without_end(io.BytesIO(_sent(body)), sink)
    end = keep.END.fullmatch(last)
    assert (sink.getvalue(), count) == (body, size)
    assert end
    assert end["stream"].decode() == digest


def test_a_stream_that_was_cut_short_has_no_last_line() -> None:
    _, _, last = keep.without_end(io.BytesIO(_sent(b"x" * 1000)[:-5]), io.BytesIO())
    assert keep.END.fullmatch(last) is None


def test_the_marker_is_found_in_what_was_kept() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in (("./letter.pdf", b"long " * 999), ("./.beffroi-marker", b"m")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    packed.seek(0)
    whole = keep.Through(packed)
    assert keep.members(whole.read(512), whole) == (2, hashlib.sha256(b"m").hexdigest())


def test_the_entries_of_a_dump_are_counted_from_its_head() -> None:
    def number(value: int) -> bytes:
        return b"\0" + struct.pack("<i", value)

    texts = b"".join(number(len(word)) + word for word in (b"people", b"15.14", b"15.14"))
    head = b"PGDMP\1\x0e\0\4\x08\1" + number(-1 & 0x7FFFFFFF) + number(7) * 7 + texts + number(42)
    assert keep.entries_of_dump(head) == 42


def test_a_dump_that_was_cut_short_has_no_entries() -> None:
    assert keep.entries_of_dump(b"PGDMP") == 0
