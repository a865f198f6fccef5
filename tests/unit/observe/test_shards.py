from beffroi.observe.shards import Shard, shards

HOSTS = [(f"{zone}-{number}", {"sysctl": []}) for number in range(250) for zone in ("schools", "hall")]


def _zone(host: str) -> str:
    return host.partition("-")[0]


def test_every_host_is_in_one_shard() -> None:
    cut = [host for shard in shards("run", HOSTS, _zone) for host, _ in shard.hosts]
    assert sorted(cut) == sorted(host for host, _ in HOSTS)


def test_a_shard_stays_in_one_zone() -> None:
    assert all(_zone(host) == shard.zone for shard in shards("run", HOSTS, _zone) for host, _ in shard.hosts)


def test_shards_are_no_larger_than_agreed() -> None:
    assert [len(shard.hosts) for shard in shards("run", HOSTS, _zone, 100)] == [100, 100, 100, 100, 50, 50]


def test_a_shard_has_the_same_name_whoever_cuts_it() -> None:
    assert [it.key for it in shards("run", HOSTS, _zone)] == [it.key for it in shards("run", list(HOSTS), _zone)]


def test_shards_of_other_hosts_zones_or_runs_have_other_names() -> None:
    one, other = (("a", {}),), (("b", {}),)
    named = {
        it.key for it in (Shard("r", "z", one), Shard("r", "z", other), Shard("r", "y", one), Shard("q", "z", one))
    }
    assert len(named) == 4


def test_a_host_that_is_asked_about_twice_is_in_one_shard() -> None:
    asked = [("a", {"sysctl": []}), ("b", {}), ("a", {"package": []})]
    [shard] = shards("run", asked, lambda _: "hall")
    assert shard.hosts == (("a", {"sysctl": []}), ("b", {}))
