"""How fast a large town compiles, loads and forwards: named sets against the linear chain of the same policy.

`python benchmarks/network_load/run.py`, as root, with nft and iproute2. A generated town of 200 segments and 10,000
flows is compiled; the core gateway's ruleset is loaded in a network namespace of its own, and so is the same policy
written one rule an element. The same packets, each a new connection, then cross both, one process after the other.
Nothing leaves these namespaces. The last lines are `ratio NAME VALUE goal GOAL`.
"""

from __future__ import annotations

import copy
import json
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from beffroi.city import City
from beffroi.city.checks import mistakes_in
from beffroi.network.compiling import compiled
from beffroi.network.nfttext import ruleset_text

SEGMENTS, FLOWS, WIRED, HOSTS = 200, 10_000, 8, 20
_V4, _V4_BYTES = 4, 4
PORTS = tuple(range(1000, 1060))
LINEAR_PACKETS, SET_PACKETS = 2_000, 60_000
WORDS = {"fr": "x", "en": "x"}


def town(rng: random.Random) -> City:
    """Return a star of segments around one core gateway, with flows between hosts, and some from whole segments."""
    names = [f"s{index:03}" for index in range(SEGMENTS - 2)]
    vlans = {"internet": 1, "transit": 2, **{name: 10 + index for index, name in enumerate(names)}}
    segments = {
        name: {"label": WORDS, "vlan": vlan, "ipv4": f"10.{vlan // 250}.{vlan % 250}.0/24"}
        | {
            "ipv6": f"fd00:0:0:{vlan:x}::/64",
            "zone": {"internet": "internet", "transit": "transit"}.get(name, "servers"),
        }
        for name, vlan in vlans.items()
    }
    services = {f"tcp-{port}": {"protocol": "tcp" if port % 2 else "udp", "ports": [port]} for port in PORTS}
    machine = {"label": WORDS, "os": "debian-12", "responsible": "it", "services": list(services)}

    def at(name: str, last: int) -> dict[str, str]:
        vlan = vlans[name]
        return {"ipv4": f"10.{vlan // 250}.{vlan % 250}.{last}", "ipv6": f"fd00:0:0:{vlan:x}::{last:x}"}

    hosts = {f"{name}-{n}": {**machine, "interfaces": {name: at(name, 10 + n)}} for name in names for n in range(HOSTS)}
    edge = {**machine, "interfaces": {"internet": at("internet", 1), "transit": at("transit", 2)}}
    core = {**machine, "interfaces": {name: at(name, 1) for name in ("transit", *names)}}
    flows = []
    for index in range(FLOWS):
        one, other = rng.sample(names, 2)
        source = one if index % 20 == 0 else f"{one}-{rng.randrange(HOSTS)}"
        flows.append(
            {"name": f"flow-{index}", "from": source, "to": f"{other}-{rng.randrange(HOSTS)}", "purpose": WORDS}
            | {"service": f"tcp-{rng.choice(PORTS)}"}
        )
    return City.model_validate(
        {
            "town": {
                "name": "large",
                "label": WORDS,
                "population": 1,
                "controller": "x",
                "data_protection_officer": "it",
            },
            "functions": {"it": {"label": WORDS}},
            "segments": segments,
            "services": services,
            "hosts": hosts,
            "gateways": {"edge": edge, "core": core},
            "flows": flows,
        }
    )


def linear(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the same policy with one rule an element, and no set of concatenations."""
    sets = {each["set"]["name"]: each["set"] for each in objects if "set" in each}
    found: list[dict[str, Any]] = []
    for each in objects:
        looked_up = [use for use in each.get("rule", {}).get("expr", []) if _set_of(use, sets)]
        if not looked_up:
            found.append(each)
            continue
        parts = looked_up[0]["match"]["left"]["concat"]
        for element in sets[_set_of(looked_up[0], sets)]["elem"]:
            rule = copy.deepcopy(each["rule"])
            inside = element.get("elem", {"val": element})
            rule["comment"] = inside.get("comment", rule["comment"])
            values = zip(parts, inside["val"]["concat"], strict=True)
            matches = [{"match": {"op": "==", "left": left, "right": right}} for left, right in values]
            at = rule["expr"].index(looked_up[0])
            rule["expr"][at : at + 1] = matches
            found.append({"rule": rule})
    return [each for each in found if "set" not in each or isinstance(each["set"]["type"], str)]


def _set_of(use: dict[str, Any], sets: dict[str, Any]) -> str:
    name = str(use.get("match", {}).get("right", "")).removeprefix("@")
    return name if name in sets and "concat" in use["match"]["left"] else ""


def frames(objects: list[dict[str, Any]], rng: random.Random) -> dict[str, list[tuple[str, str, str, str, int]]]:
    """Return what to send, (interface, source, destination, protocol, port), IPv4 and IPv6: all flows, and the last."""
    named = {each["set"]["name"]: each["set"]["elem"] for each in objects if "set" in each}
    elements = [*named["flows-forward4"], *named["flows-forward6"]]
    tuples = []
    for each in elements:
        source, destination, protocol, port = each["elem"]["val"]["concat"]
        if isinstance(source, str) and isinstance(destination, str) and isinstance(port, int):
            tuples.append((_segment(source), source, destination, protocol, port))
    wired = {tuples[-1][0], _segment(tuples[-1][2])}
    for segment in (each[0] for each in rng.sample(tuples, len(tuples))):
        wired |= {segment} if len(wired) < WIRED else set()
    inside = [each for each in tuples if each[0] in wired and _segment(each[2]) in wired]
    return {"random": inside, "worst": [tuples[-1]]}


def _segment(address: str) -> str:
    packed = ip_address(address).packed
    vlan = packed[1] * 250 + packed[2] if len(packed) == _V4_BYTES else int.from_bytes(packed[6:8], "big")
    return f"s{vlan - 10:03}"


def wire(flows: list[tuple[str, str, str, str, int]]) -> dict[str, socket.socket]:
    """Make the interfaces that the flows need, each with its far end here, and return what sends from each far end."""
    names = sorted({name for each in flows for name in (each[0], _segment(each[2]))})
    lines = ["link set lo up"]
    for index, name in enumerate(names):
        lines += [f"link add {name} address 02:00:00:00:00:{index:02x} type veth peer name far-{name}"]
        lines += [f"link set {name} up", f"link set far-{name} arp off up"]
        for address in {end for each in flows for end in each[1:3] if _segment(end) == name}:
            network = ip_network(f"{address}/{64 if ':' in address else 24}", strict=False)
            lines += [f"addr replace {network[1]}/{network.prefixlen} dev {name}" + " nodad" * (network.version != _V4)]
    lines += sorted({f"neigh replace {each[2]} lladdr 02:ff:00:00:00:01 dev {_segment(each[2])}" for each in flows})
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    Path("/proc/sys/net/netfilter/nf_conntrack_checksum").write_text("0")
    opened = {}
    for name in names:
        opened[name] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        opened[name].bind((f"far-{name}", 0))
    return opened


def frame(flow: tuple[str, str, str, str, int], number: int, index: int) -> bytes:
    """Return a first packet of the flow; `number` makes it a connection of its own."""
    _, source, destination, protocol, port = flow
    own_port = 1024 + number % 60_000
    if protocol == "tcp":
        body = struct.pack("!HHIIBBHHH", own_port, port, number, 0, 0x50, 0x02, 1024, 0, 0)
    else:
        body = struct.pack("!HHHH", own_port, port, 8, 0)
    kind = socket.IPPROTO_TCP if protocol == "tcp" else socket.IPPROTO_UDP
    ends = ip_address(source).packed + ip_address(destination).packed
    far = bytes((2, 0, 0, 0, 0, index)) + b"\x02\xfe\x00\x00\x00\x01"
    if ":" in source:
        return far + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), kind, 64) + ends + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number & 0xFFFF, 0, 64, kind, 0) + ends
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return far + b"\x08\x00" + head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[12:] + body


def measure(ruleset: Path, sent: Path, packets: int) -> dict[str, float]:
    """Load the ruleset here and return the seconds that took, the least of three, and packets forwarded a second."""
    loads = []
    for _ in range(3):
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        begun = time.perf_counter()
        subprocess.run(["nft", "-f", str(ruleset)], check=True)
        loads.append(time.perf_counter() - begun)
    answer = {"load": min(loads)}
    asked: dict[str, list[Any]] = json.loads(sent.read_text())
    sockets = wire([flow for flows in asked.values() for flow in flows])
    names = sorted(sockets)
    counters = [Path(f"/sys/class/net/{name}/statistics/tx_packets") for name in names]
    for sort, flows in asked.items():
        numbers = range(packets)
        chosen = [flows[number * 7919 % len(flows)] for number in numbers]
        ready = [
            (sockets[flow[0]].send, frame(flow, number, names.index(flow[0])))
            for number, flow in zip(numbers, chosen, strict=True)
        ]
        before, begun = sum(int(each.read_text()) for each in counters), time.perf_counter()
        for send, written in ready:
            send(written)
        spent = time.perf_counter() - begun
        time.sleep(0.2)
        answer[sort] = (sum(int(each.read_text()) for each in counters) - before) / spent
        answer[f"{sort}-share"] = answer[sort] * spent / packets
    return answer


def isolated(folder: Path, name: str, objects: list[dict[str, Any]], packets: int) -> dict[str, float]:
    """Measure one ruleset in a network namespace of its own."""
    ruleset = folder / f"{name}.nft"
    ruleset.write_text(ruleset_text(objects))
    words = ["unshare", "--net", "--mount", "sh", "-c", 'mount -t sysfs none /sys && exec "$@"', "sh", sys.executable]
    command = [*words, __file__, "--measure", str(ruleset), str(folder / "frames.json"), str(packets)]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def main() -> None:
    """Generate, compile, load and forward; print what each took, then the ratios."""
    rng = random.Random(78)  # noqa: S311 - the same town each time
    city = town(rng)
    begun = time.perf_counter()
    wrong = mistakes_in(city)
    checked = time.perf_counter()
    objects = compiled(city, "core")
    made = time.perf_counter()
    elements = sum(len(each["set"]["elem"]) for each in objects if each.get("set", {}).get("name", "").startswith("fl"))
    print(f"town: {SEGMENTS} segments, {FLOWS} flows, {len(wrong)} mistakes, {elements} elements on the core gateway")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "frames.json").write_text(json.dumps(frames(objects, rng)))
        sets = isolated(folder, "sets", objects, SET_PACKETS)
        chain = isolated(folder, "linear", linear(objects), LINEAR_PACKETS)
        empty = isolated(folder, "empty", [{"table": {"family": "inet", "name": "beffroi"}}], SET_PACKETS)
    print(f"check {checked - begun:.2f} s, compile {made - checked:.2f} s")
    for title, found in (("named sets", sets), ("linear chain", chain), ("no rules", empty)):
        rates = ", ".join(f"{sort} {found[sort]:.0f}/s ({found[f'{sort}-share']:.0%})" for sort in ("random", "worst"))
        print(f"{title}: load {found['load']:.2f} s, forwarded {rates}")
    print(f"ratio compile_seconds {made - checked:.2f} goal 5")
    print(f"ratio check_seconds {checked - begun:.2f} goal 5")
    print(f"ratio load_seconds {sets['load']:.2f} goal 1")
    print(f"ratio forwarding_random_flows {sets['random'] / chain['random']:.1f} goal 30")
    print(f"ratio forwarding_last_rule {sets['worst'] / chain['worst']:.1f} goal 30")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
