"""What the gate found wrong, as entries to read: mistakes, violations, deviations of the network proof. Pure."""

from __future__ import annotations

from beffroi.network.answer import Deviation, Responsible
from beffroi.policy import Level
from beffroi.review import Fault, Found, Review
from beffroi.waiver import Waiver

from .bilingual import spoken_day
from .gate_entry import Entry, Mark, counted, names
from .inline import Filling, Words, prose, told

SHOWN_PACKETS = 3
"""Products of addresses and services told one by one; the others are counted."""

MODEL, PROOF = "model", "network-proof"
"""What stands for a policy's id where the files hold a mistake, and where the firewalls deviate from the flows."""


def refusals(review: Review) -> list[Found]:
    """Return the violations that stand in the way of the change, doubtful ones included."""
    if review.decision is None:
        return []
    standing = {_key(violation) for violation in review.decision.refusals()}
    return [found for found in review.found if _key(found.violation) in standing]


def mark_of(found: Found, *, standing: bool) -> Mark:
    """Return what a violation means for the change; `standing` ones are those of `refusals`."""
    violation = found.violation
    if standing:
        return Mark.DOUBT if violation.doubtful else Mark.REFUSES
    if violation.waived:
        return Mark.WAIVED
    if violation.level == Level.MANDATORY:
        return Mark.KNOWN
    return Mark.REMEDIED if violation.level == Level.REMEDIATE else Mark.REMARK


def marked(review: Review) -> list[tuple[Mark, Found]]:
    """Return every violation with what it means for the change."""
    standing = {_key(found.violation) for found in refusals(review)}
    return [(mark_of(found, standing=_key(found.violation) in standing), found) for found in review.found]


def fault(each: Fault) -> Entry:
    """Return a mistake in the files; its words are already in the language in which the files were read."""
    return Entry(Mark.REFUSES, prose(each.reason), each.field, each.spot, way_out=prose(each.hint))


def violation(mark: Mark, found: Found, language: str) -> Entry:
    """Return a violation."""
    each = found.violation
    lines = [what(found, language)]
    if each.doubtful:
        lines.append(told("pages-doubtful-violation", language))
    if each.known and mark != Mark.KNOWN:
        lines.append(told("pages-known-violation", language))
    if found.waiver is not None:
        lines.append(waived_by(found.waiver, language))
    title = prose(each.title.of(language))
    return Entry(mark, title, each.policy, found.spot, tuple(lines), way_out(found, language))


def what(found: Found, language: str) -> Words:
    """Return what a violation says, its names told apart."""
    each = found.violation
    filling: dict[str, Filling] = {**each.names}
    if each.way_out is not None:
        filling["title"] = prose(each.title.of(language))
    return told(f"rule-{each.rule.replace('_', '-')}", language, **filling)


def waived_by(waiver: Waiver, language: str) -> Words:
    """Return why a waiver lets something pass, under whose names, and until when."""
    return told(
        "pages-waived-by",
        language,
        day=prose(spoken_day(waiver.until, None, language)),
        owner=waiver.owner,
        approver=waiver.approver,
        reason=prose(waiver.reason.of(language)),
    )


def way_out(found: Found, language: str) -> Words:
    """Return what to do about a violation, its names told apart."""
    each = found.violation
    if each.way_out is not None:
        return prose(each.way_out.of(language))
    return told(f"rule-{each.rule.replace('_', '-')}-hint", language, **each.names)


def deviation(each: Deviation, review: Review, language: str) -> Entry:
    """Return packets that do not do as declared, or that an invariant forbids."""
    ends: dict[str, Filling] = {"start": each.start, "end": each.end, "family": prose(f"IPv{each.family}")}
    flows = names(each.flows, language)
    title = told(f"pages-proof-{each.sort}", language, invariant=each.invariant, flows=flows, **ends)
    spot = next((review.flow_spots[flow] for flow in each.flows if flow in review.flow_spots), review.spot)
    mark = Mark.DOUBT if each.unknown else Mark.REFUSES
    lines = (*packets(each.packets, each.witness, language), *(_rule(rule, language) for rule in each.rules))
    return Entry(mark, title, each.invariant or PROOF, spot, lines, told(f"pages-proof-{each.sort}-hint", language))


def packets(products: tuple[str, ...], witness: str, language: str) -> tuple[Words, ...]:
    """Return lines that tell packets: the first few products of addresses and services, and one packet."""
    lines = [told("pages-packets", language, packets=each) for each in products[:SHOWN_PACKETS]]
    if len(products) > SHOWN_PACKETS:
        lines.append(counted("pages-more-packets", len(products) - SHOWN_PACKETS, language))
    if witness:
        lines.append(told("pages-witness", language, packet=witness))
    return tuple(lines)


def _rule(rule: Responsible, language: str) -> Words:
    return told(
        "pages-rule", language, machine=rule.machine, rule=rule.rule, verb=rule.verb, text=rule.text or rule.rule
    )


def _key(violation: object) -> object:
    return tuple(getattr(violation, field) for field in ("policy", "subject", "path", "source", "doubtful"))
