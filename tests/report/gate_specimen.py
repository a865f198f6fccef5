"""A proposed change of the policies' example town, really judged and really compared: what the gate's pages are shown.

Flows, violations, lines and deviations are the engine's own answers; controls, the register and machines are made up.
"""

from __future__ import annotations

import copy
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from beffroi import declaration
from beffroi.city.words import Text
from beffroi.gate import Decision, Strictness, Violation, judge
from beffroi.network.answer import Deviation, answer
from beffroi.network.committed import committed, proof_of
from beffroi.network.compiling import compiled
from beffroi.network.reader import read
from beffroi.policy import Level, Policy, example_town, load_policies
from beffroi.review import (
    Asked,
    Blast,
    ControlChange,
    Correction,
    Fault,
    FlowChange,
    Found,
    Impact,
    RegisterChange,
    Review,
    Spot,
)
from beffroi.reviewing.flows import flow_changes
from beffroi.reviewing.spots import Version
from beffroi.rules import Commitment, Proposal
from beffroi.waiver import Waiver

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 25)
PLACE = "inventory/example"
POLICIES = (
    "data/encrypted-in-transit",
    "network/ssh-through-the-bastion",
    "network/users-never-reach-administration",
)


def _flow(name: str, source: str, destination: str, service: str, **more: str) -> dict[str, Any]:
    purpose = {"fr": f"Flux {name}", "en": f"Flow {name}"}
    return {"name": name, "from": source, "to": destination, "service": service, "purpose": purpose, **more}


BEFORE = (
    _flow("portal", "internet", "web", "https", processing="requests"),
    _flow("portal-in-clear", "internet", "web", "http", processing="requests"),
    _flow("old-admin", "desks", "db", "ssh"),
    _flow("to-be-closed", "desks", "collector", "https"),
)
AFTER = (
    *BEFORE[:3],
    _flow("handy", "desks", "bastion", "ssh"),
    _flow("let-pass", "phones", "recorder", "ssh"),
)
WAIVER = Waiver(
    policy="network/ssh-through-the-bastion",
    subject="let-pass",
    owner="it",
    approver="dpo",
    reason=Text(fr="Essai", en="Trial"),
    until=date(2026, 12, 31),
    compensating="ssh/root-login-refused",
)


@cache
def version(*, before: bool = False) -> Version:
    """The example town with the flows of the base or of the proposal, from a real file."""
    # Flows first, so that their lines stay the same when the example town grows.
    text = {"flows": list(BEFORE if before else AFTER), **example_town(ROOT)}
    with TemporaryDirectory() as folder:
        (Path(folder) / "city.yml").write_text(yaml.safe_dump(text, sort_keys=False, allow_unicode=True), "utf-8")
        return Version(declaration.load(Path(folder), root=ROOT, shown_as=PLACE), policies())


@cache
def policies() -> dict[str, Policy]:
    """Three of the repository's own policies: enough for one of everything."""
    every = load_policies(ROOT)
    return {name: every[name] for name in POLICIES}


@cache
def decision(strictness: Strictness = Strictness.REGRESSIONS) -> Decision:
    after = Commitment(version().declared.city, policies=policies(), waivers=(WAIVER,))
    before = Commitment(version(before=True).declared.city)
    return judge(Proposal(after, TODAY, before), policies(), "0" * 64, strictness)


@cache
def flows() -> tuple[FlowChange, ...]:
    """What the change opens and closes: the real difference."""
    return flow_changes(version(before=True), version())


@cache
def deviations() -> tuple[Deviation, ...]:
    """A portal whose firewall accepts all that no rule refuses, found by the real proof."""
    city = version().declared.city
    listing = copy.deepcopy(compiled(city, "web"))
    for entry in listing:
        if entry.get("chain", {}).get("hook") == "input":
            entry["chain"]["policy"] = "accept"
    return answer(proof_of(city, {**committed(city), "web": read({"nftables": listing})}), {}).deviations


@cache
def found() -> tuple[Found, ...]:
    """The decision's violations at their lines."""
    return tuple(
        Found(violation=each, spot=version().spot(each.path), waiver=WAIVER if each.waived else None)
        for each in decision().violations
    )


def way_out(language: str) -> str:
    """What is to be done about the flow `handy`, as its policy says it."""
    [told] = {
        each.violation.hint(language)
        for each in found()
        if each.violation.names.get("port") == "22" and each.violation.subject == "handy"
    }
    return told


def doubtful(violation: Violation) -> Violation:
    return violation.model_copy(update={"doubtful": True})


def asked() -> tuple[Asked, ...]:
    return tuple(
        Asked(policy=each.id, title=each.title, rationale=each.rationale, level=each.level)
        for each in policies().values()
    )


def make_review(**changes: Any) -> Review:  # noqa: ANN401 - any of Review's fields
    """One of everything: a refusal, what stood before, a waiver, remarks, flows, controls, the register, machines."""
    value: dict[str, Any] = {
        "town": "example",
        "base": "main",
        "head": "a-handy-flow",
        "decision": decision(),
        "found": found(),
        "flows": flows(),
        "flows_compared": True,
        "controls": (
            ControlChange(
                sort="changed",
                control="accounts/password-policy",
                machines=("bastion", "web"),
                changes=(("params.min_length", "12", "8"),),
                spot=Spot(file="compliance/profiles/town.yml", line=14),
            ),
            ControlChange(
                sort="lost",
                control="ssh/root-login-refused",
                machines=tuple(f"host-{number}" for number in range(12)),
                spot=Spot(file="compliance/profiles/town.yml", line=9, before=True),
            ),
        ),
        "register_": (
            RegisterChange(
                sort="changed",
                activity="requests",
                changes=(("retention.duration", "1 year", "10 years"),),
                spot=Spot(file=f"{PLACE}/processing.yml", line=2),
            ),
        ),
        "blast": (
            Blast(machine="db", impact=Impact.REPLACED, causes=("hosts.db.os",), stores=("requests",)),
            Blast(machine="router", impact=Impact.FIREWALL, causes=("handy", "to-be-closed")),
        ),
        "asked": asked(),
        "spot": Spot(file=f"{PLACE}/city.yml", line=1),
    }
    return Review(**(value | changes))


def accepted() -> Review:
    """A change that changes nothing."""
    quiet = decision().model_copy(update={"violations": ()})
    return Review(town="example", base="main", decision=quiet, flows_compared=True)


def undecided() -> Review:
    """A change of which one violation may be none."""
    kept = next(each for each in found() if each.violation.level == Level.MANDATORY and not each.violation.known)
    only = kept.model_copy(update={"violation": doubtful(kept.violation)})
    judged = decision().model_copy(update={"violations": (only.violation,)})
    return Review(town="example", base="main", decision=judged, found=(only,), flows_compared=True)


def mistaken() -> Review:
    """A change whose files hold mistakes."""
    place = Spot(file=f"{PLACE}/city.yml", line=12)
    fault = Fault(spot=place, field="flows.0.servcie", reason="unknown field", hint="did you mean `service`?")
    return Review(town="example", base="main", faults=(fault,))


def deviating() -> Review:
    """A change whose firewalls let through more than is declared."""
    return make_review(found=(), flows=(), controls=(), register_=(), blast=(), deviations=deviations())


NASTY = (
    "</code></details><script>alert('x')</script>\"'><img src=x onerror=alert(1)> `` ` ``` \n\n/close\n# a | b | c\n"
    "<!-- beffroi-gate --> [click](https://example.org) ![x](http://example.org/x.png) @someone #12 !7 :boom:"
    " www.example.org &lt; \\` \x1b[2J\x1b]0;owned\x07 \x00 \u202egnp\u202c \x9b31m \r\udcff\ufffe"
)


def hostile(text: str = NASTY) -> Review:
    """A review in which every name and every text from a file is `text`."""
    words = Text.model_construct(fr=text, en=text)
    place = Spot(file=text, line=3)
    broken = [
        each.violation.model_copy(
            update={
                "policy": text,
                "title": words,
                "subject": text,
                "path": (text, 1),
                "names": dict.fromkeys(each.violation.names, text),
                "way_out": words if each.violation.rule == "schema" else None,
            }
        )
        for each in found()
    ]
    titled = broken[0].model_copy(
        update={"rule": "schema", "way_out": words, "names": dict.fromkeys(("subject", "sort", "field", "value"), text)}
    )
    own = titled.model_copy(update={"rule": "own", "names": dict.fromkeys(("subject", "fr", "en"), text)})
    judged = decision().model_copy(
        update={"violations": (*broken, titled, own), "unasked": (text,), "policies": (text,)}
    )
    put = Correction(spot=place, field=text, before=text, after=text, columns=(1, 2))
    excused = WAIVER.model_copy(update={"reason": words, "owner": text, "approver": text})
    made = make_review()
    deviation = deviations()[0]
    rules = tuple(each.model_copy(update=dict.fromkeys(("machine", "rule", "text"), text)) for each in deviation.rules)
    return made.model_copy(
        update={
            "town": text,
            "base": text,
            "head": text,
            "faults": (Fault(spot=place, field=text, reason=text, hint=text),),
            "decision": judged,
            "found": tuple(
                Found.model_construct(
                    violation=each, spot=place, waiver=excused if each.waived else None, corrections=(put,)
                )
                for each in judged.violations
            ),
            "flows": tuple(
                each.model_copy(
                    update={
                        **dict.fromkeys(("start", "end", "witness"), text),
                        "packets": (text, text),
                        "flows": ((text, place),),
                    }
                )
                for each in made.flows
            ),
            "deviations": (
                deviation.model_copy(
                    update={
                        **dict.fromkeys(("start", "end", "witness", "invariant"), text),
                        "sort": "refuted",
                        "packets": (text,),
                        "flows": (text,),
                        "rules": rules,
                    }
                ),
            ),
            "controls": (
                ControlChange(
                    sort="changed", control=text, machines=(text, text), changes=((text, text, text),), spot=place
                ),
            ),
            "register_": (RegisterChange(sort="changed", activity=text, changes=((text, text, text),), spot=place),),
            "blast": (Blast(machine=text, impact=Impact.DESTROYED, causes=(text,), stores=(text,)),),
            "steps": (text,),
            "asked": (Asked.model_construct(policy=text, title=words, rationale=words, level=Level.MANDATORY),),
            "flow_spots": {text: place},
            "spot": place,
        }
    )


def moved(review: Review) -> Review:
    """Return the same findings, each on a later line and at a later position of its list."""

    def later(each: Found) -> Found:
        path = tuple(step + 7 if isinstance(step, int) else step for step in each.violation.path)
        spot = Spot(file=each.spot.file, line=each.spot.line + 40)
        return each.model_copy(update={"violation": each.violation.model_copy(update={"path": path}), "spot": spot})

    return review.model_copy(update={"found": tuple(map(later, review.found))})
