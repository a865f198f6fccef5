import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from beffroi.converge import Action, Convergence, Work, converge

SSHD = [{"option": "PermitRootLogin", "value": "no"}]
SECRET = [{"rule": "locked", "account": "root"}]
SETTINGS = {
    "db": {"sshd_option": SSHD, "account": SECRET},
    "web": {"sshd_option": SSHD},
    "edge": {"nftables_ruleset": [{"text": "table"}]},
}


def _event(
    event: str, host: str, *, role: str = "sshd_option", task: str = "Write", **result: object
) -> dict[str, Any]:
    """An event as ansible-runner gives it, with the fields that it always has."""
    about = {"playbook": "main.json", "play": "db, web", "task": task, "role": role, "host": host, "uuid": "u"}
    return {
        "uuid": "u",
        "counter": 1,
        "stdout": "...",
        "start_line": 0,
        "end_line": 1,
        "event": event,
        "event_data": {**about, "remote_addr": host, "duration": 0.3, "ignore_errors": None, "res": result},
    }


class _Reader(yaml.SafeLoader):
    """Reads an inventory as Ansible does: `!unsafe` marks a text that is no template."""


_Reader.add_constructor("!unsafe", lambda reader, node: reader.construct_scalar(node))


class Runner:
    """ansible-runner's face: notes what it was given, plays events, and ends as it is told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.status = "successful"
        self.runs: list[dict[str, Any]] = []
        self.kept: list[bool] = []
        self.words = ""

    def run(self, **given: Any) -> SimpleNamespace:  # noqa: ANN401 - as the library is given it
        inventory = Path(given["inventory"]).read_text()
        read = yaml.load(inventory, _Reader)  # noqa: S506 - a SafeLoader
        self.runs.append({**given, "inventory": read, "written": inventory})
        folder = Path(given["private_data_dir"])
        (folder / "stdout").write_text(self.words)
        self.kept += [given["event_handler"](event) for event in self.events]
        return SimpleNamespace(status=self.status, config=SimpleNamespace(artifact_dir=str(folder)))

    @property
    def plays(self) -> list[dict[str, Any]]:
        return [play for given in self.runs for play in given["playbook"]]


@pytest.fixture(name="runner")
def _runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    runner = Runner()
    monkeypatch.setitem(sys.modules, "ansible_runner", SimpleNamespace(run=runner.run))  # type: ignore[arg-type]
    return runner


def _converged(
    *stages: list[str],
    settings: dict[str, Any] = SETTINGS,
    tell: Callable[[Action], None] = lambda _: None,
    **entries: str,
) -> Convergence:
    return converge(Work(settings, stages, Path("ssh_config"), Path("roles"), entries), tell)


def test_hosts_of_one_stage_are_one_play_and_stages_follow_each_other(runner: Runner) -> None:
    _converged(["edge"], ["db", "web"])
    assert [play["hosts"] for play in runner.plays] == [["edge"], ["db", "web"]]


def test_a_stage_without_settings_starts_nothing(runner: Runner) -> None:
    _converged(["nobody"], [], settings={"db": {}})
    assert runner.runs == []


def test_a_host_of_two_stages_gets_what_needs_the_certificate_authority_in_the_last_one(runner: Runner) -> None:
    settings = {
        "mirror": {"package": [], "certificate": [], "log_forwarding": [], "service": []},
        "ca": {"package": []},
    }
    _converged(["mirror"], ["ca"], ["mirror"], settings=settings)
    assert [[task["name"] for task in play["tasks"]] for play in runner.plays] == [
        ["package", "service"],
        ["package"],
        ["certificate", "log_forwarding"],
    ]


def test_a_host_of_two_stages_that_needs_nothing_of_the_authority_is_visited_once(runner: Runner) -> None:
    _converged(["mirror"], ["mirror"], settings={"mirror": {"package": []}})
    assert len(runner.runs) == 1


def test_a_host_is_given_its_own_settings_and_no_others(runner: Runner) -> None:
    _converged(["db", "web"])
    hosts = runner.runs[0]["inventory"]["all"]["hosts"]
    assert hosts == {
        "db": {"sshd_option_settings": SSHD, "account_settings": SECRET},
        "web": {"sshd_option_settings": SSHD},
    }


def test_braces_in_what_a_town_wrote_are_no_template_of_ansibles(runner: Runner) -> None:
    text = "{{ lookup('pipe', 'id') }} ${#word} \u2028 'é' \"quoted\""
    _converged(["db"], settings={"db": {"config_file": [{"content": text, "mode": "0644"}]}})
    assert runner.runs[0]["inventory"]["all"]["hosts"]["db"]["config_file_settings"][0]["content"] == text
    assert '"content": !unsafe "' in runner.runs[0]["written"]


def test_roles_come_in_the_order_in_which_they_need_each_other(runner: Runner) -> None:
    settings = {"db": {"time_sync": [], "sshd_option": [], "apt_source": [], "package": [], "a_new_kind": []}}
    _converged(["db"], settings=settings)
    roles = [task["name"] for task in runner.plays[0]["tasks"]]
    assert roles == ["apt_source", "package", "sshd_option", "time_sync", "a_new_kind"]


def test_a_role_runs_only_where_it_has_settings(runner: Runner) -> None:
    _converged(["db", "web"])
    conditions = {task["name"]: task["when"] for task in runner.plays[0]["tasks"]}
    assert conditions["account"] == "account_settings is defined"


def test_a_sabotage_is_another_entry_of_the_same_role(runner: Runner) -> None:
    _converged(["db"], sshd_option="breaks/root_allowed")
    entries = {task["name"]: task["ansible.builtin.import_role"]["tasks_from"] for task in runner.plays[0]["tasks"]}
    assert entries == {"account": "main", "sshd_option": "breaks/root_allowed"}


def test_ansible_uses_our_way_in_and_nobodys_configuration(runner: Runner) -> None:
    _converged(["db"])
    environment = runner.runs[0]["envvars"]
    assert environment["ANSIBLE_SSH_ARGS"] == "-F ssh_config"
    assert environment["ANSIBLE_HOST_KEY_CHECKING"] == "true"
    assert Path(environment["ANSIBLE_CONFIG"]).parent == Path(runner.runs[0]["private_data_dir"])


def test_what_the_roles_modules_share_is_taken_from_beside_the_roles(runner: Runner) -> None:
    _converged(["db"])
    assert runner.runs[0]["envvars"]["ANSIBLE_MODULE_UTILS"] == f"{runner.runs[0]['roles_path']}/module_utils"


def test_actions_are_counted_by_host(runner: Runner) -> None:
    runner.events = [
        _event("runner_on_ok", "db", changed=True),
        _event("runner_on_ok", "db", changed=False),
        _event("runner_on_ok", "web", changed=False),
        _event("runner_on_skipped", "web"),
    ]
    done = _converged(["db", "web"])
    assert {name: (host.ok, host.changed) for name, host in done.hosts.items() if name != "edge"} == {
        "db": (2, 1),
        "web": (1, 0),
    }
    assert done.changed == 1


def test_the_failure_of_one_host_is_kept_beside_what_the_others_did(runner: Runner) -> None:
    runner.status = "failed"
    runner.events = [
        _event("runner_on_failed", "db", msg="no space left"),
        _event("runner_on_ok", "web", changed=True),
        _event("runner_on_unreachable", "edge", role="", msg="Connection timed out"),
    ]
    done = _converged(["db", "web", "edge"])
    assert done.failed == {"db": ["sshd_option: Write: no space left"], "edge": [": Write: Connection timed out"]}
    assert done.hosts["web"].changed == 1


def test_a_failure_without_words_is_a_failure(runner: Runner) -> None:
    runner.events = [_event("runner_on_failed", "db")]
    assert list(_converged(["db"]).failed) == ["db"]


def test_a_failure_that_the_role_allows_is_none(runner: Runner) -> None:
    event = _event("runner_on_failed", "db", msg="absent")
    event["event_data"]["ignore_errors"] = True
    runner.events = [event]
    assert _converged(["db"]).failed == {}


def test_a_run_that_fails_before_any_action_blames_its_hosts_with_its_last_words(runner: Runner) -> None:
    runner.status, runner.words = "failed", "ERROR! the role 'sshd_option' was not found"
    done = _converged(["db", "web"])
    assert set(done.failed) == {"db", "web"}
    assert "was not found" in done.failed["db"][0]


def test_a_failed_stage_does_not_stop_the_next_one(runner: Runner) -> None:
    runner.status = "failed"
    runner.events = [_event("runner_on_failed", "db", msg="x")]
    _converged(["db"], ["web"])
    assert len(runner.runs) == 2


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "playbook_on_stats", "event_data": {"ok": {"db": 1}}},
        {"event": "verbose", "stdout": "[WARNING]"},
        _event("runner_on_start", "db"),
        _event("runner_on_ok", "somebody-else", changed=True),
        {"event": "runner_on_ok", "event_data": {"host": "db"}},
    ],
    ids=["empty", "stats", "verbose", "start", "stranger", "no-result"],
)
def test_events_that_tell_of_no_change_change_no_count(runner: Runner, event: dict[str, Any]) -> None:
    runner.events = [event]
    assert _converged(["db"]).changed == 0


def test_each_action_is_told_as_it_ends(runner: Runner) -> None:
    runner.events = [_event("runner_on_ok", "db", changed=True), _event("runner_on_failed", "web", msg="no")]
    told: list[Action] = []
    _converged(["db", "web"], tell=told.append)
    assert [(it.host, it.status, it.message) for it in told] == [("db", "changed", ""), ("web", "failed", "no")]


def test_no_event_is_kept_on_disk(runner: Runner) -> None:
    runner.events = [_event("runner_on_ok", "db", changed=True), {"event": "playbook_on_stats"}]
    _converged(["db"])
    assert runner.kept == [False, False]


def test_nothing_of_a_run_stays_on_disk(runner: Runner) -> None:
    _converged(["db"])
    assert not Path(runner.runs[0]["private_data_dir"]).exists()


def test_nothing_of_a_run_that_breaks_stays_on_disk(runner: Runner) -> None:
    runner.events = [_event("runner_on_ok", "db")]

    def interrupted(_: Action) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _converged(["db"], tell=interrupted)
    assert not Path(runner.runs[0]["private_data_dir"]).exists()


def test_what_a_run_needs_is_closed_to_others_meanwhile(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    play = runner.run

    def noting(**given: Any) -> SimpleNamespace:  # noqa: ANN401 - as the library is given it
        modes.append(Path(given["private_data_dir"]).stat().st_mode & 0o777)
        return play(**given)

    monkeypatch.setitem(sys.modules, "ansible_runner", SimpleNamespace(run=noting))  # type: ignore[arg-type]
    _converged(["db"])
    assert modes == [0o700]
