"""The gate's answer as SARIF 2.1.0 (OASIS), for the places where forges and editors show results beside the line. Pure.

One run a town. Fingerprints hold no line, so that a result stays the same when others move it.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from typing import Any

from beffroi import __version__
from beffroi.messages import say
from beffroi.policy import Level
from beffroi.review import Review, Spot
from beffroi.waiver import Waiver

from . import gate_findings
from .fingerprint import Fingerprints
from .gate_entry import Mark
from .gate_findings import MODEL, PROOF
from .inline import Words, plain, prose
from .visible import one_line

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

Json = dict[str, Any]

_LEVELS = {Level.MANDATORY: "error", Level.ADVISORY: "warning", Level.REMEDIATE: "note"}
_UNRESERVED = frozenset(f"{string.ascii_letters}{string.digits}-._~/".encode())


def sarif(reviews: Sequence[Review], language: str) -> Json:
    """Return the log of some towns, ready for JSON; messages are in `language`."""
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [_Run(review, language).everything() for review in reviews]}


def uri(file: str) -> str:
    """Return a file of the repository as a relative reference (RFC 3986): no scheme, all that is not plain encoded."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in file.encode("utf-8", "replace"))


class _Run:
    """One town's results, in one language."""

    def __init__(self, review: Review, language: str) -> None:
        self.review = review
        self.language = language
        self.compared = bool(review.base) or review.flows_compared
        self.prints = Fingerprints()

    def everything(self) -> Json:
        """Return the run."""
        results = [*self.faults(), *self.violations(), *self.deviations()]
        rules = {rule["id"]: rule for rule in self.rules()}
        places = {rule: index for index, rule in enumerate(rules)}
        town = one_line(self.review.town)
        driver = {"name": "Beffroi", "semanticVersion": __version__, "language": self.language}
        return {
            "tool": {"driver": driver | {"rules": list(rules.values())}},
            "automationDetails": {"id": f"beffroi-gate/{town}/"},
            "columnKind": "unicodeCodePoints",
            "properties": {"judgement": self.review.judgement.value, "town": town},
            "results": [result | {"ruleIndex": places[result["ruleId"]]} for result in results],
        }

    def faults(self) -> Iterator[Json]:
        for each in self.review.faults:
            message = self.message(prose(f"{each.field}: {each.reason}"), prose(each.hint))
            yield self.result(MODEL, "error", message, each.spot, self.prints.fault(each))

    def violations(self) -> Iterator[Json]:
        for mark, found in gate_findings.marked(self.review):
            each = found.violation
            message = self.message(
                gate_findings.what(found, self.language), gate_findings.way_out(found, self.language)
            )
            level = "warning" if mark == Mark.DOUBT else _LEVELS[each.level]
            result = self.result(each.policy, level, message, found.spot, self.prints.violation(each))
            if "packet" in each.names:
                result["properties"] = {"witness": one_line(each.names["packet"])}
            if mark == Mark.WAIVED:
                result["suppressions"] = [_suppression(found.waiver, self.language)]
            if each.known and self.compared:
                result["baselineState"] = "unchanged"
            yield result

    def deviations(self) -> Iterator[Json]:
        for each in self.review.deviations:
            entry = gate_findings.deviation(each, self.review, self.language)
            message = self.message(entry.title, entry.way_out or ())
            level = "warning" if each.unknown else "error"
            result = self.result(entry.id, level, message, entry.spot, self.prints.deviation(each))
            result["properties"] = {"witness": one_line(each.witness), "packets": list(map(one_line, each.packets))}
            yield result

    def rules(self) -> Iterator[Json]:
        """Yield what results refer to: the model, the proof, and each policy in the fullest words that are known."""

        def ours(key: str) -> str:
            return say(key, language=self.language)

        yield _rule(MODEL, "error", ours("pages-sarif-model"), ours("pages-sarif-model-why"))
        yield _rule(PROOF, "error", ours("pages-sarif-proof"), ours("pages-sarif-proof-why"))
        for invariant in (each.invariant for each in self.review.deviations if each.invariant):
            yield _rule(invariant, "error", ours("pages-sarif-proof"))
        for violation in (found.violation for found in self.review.found):
            yield _rule(violation.policy, _LEVELS[violation.level], violation.title.of(self.language))
        for asked in self.review.asked:
            words = (asked.title.of(self.language), asked.rationale.of(self.language))
            yield _rule(asked.policy, _LEVELS[asked.level], *words)

    def message(self, what: Words, hint: Words) -> Json:
        """Return what is wrong and what to do, as one message."""
        return _text(say("pages-sarif-message", language=self.language, what=plain(what), hint=plain(hint)))

    def result(self, rule: str, level: str, message: Json, spot: Spot | None, fingerprint: str) -> Json:
        """Return a result of `rule`."""
        result: Json = {
            "ruleId": one_line(rule),
            "level": level,
            "message": message,
            "partialFingerprints": {"beffroi/v1": fingerprint, "primaryLocationLineHash": fingerprint},
        }
        if spot:
            result["locations"] = [_location(spot)]
        if self.compared:
            result["baselineState"] = "new"
        return result


def _rule(policy: str, level: str, title: str, why: str = "") -> Json:
    rule: Json = {
        "id": one_line(policy),
        "shortDescription": _text(plain(prose(title))),
        "defaultConfiguration": {"level": level},
    }
    words = _text(plain(prose(why)))
    return rule | ({"fullDescription": words, "help": words} if why else {})


def _suppression(waiver: Waiver | None, language: str) -> Json:
    """Return the waiver as a suppression that stands beside the code (SARIF 3.35), in the words of the waiver."""
    accepted = {"kind": "external", "status": "accepted"}
    if waiver is None:
        return accepted
    return accepted | {"justification": plain(gate_findings.waived_by(waiver, language))}


def _location(spot: Spot) -> Json:
    artifact = {"uri": uri(spot.file), "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": spot.line}}}


def _text(text: str) -> Json:
    """Return a plain text message (SARIF 3.11): no placeholder, and no embedded link."""
    return {"text": text.replace("{", "{{").replace("}", "}}").replace("](", "] (")}
