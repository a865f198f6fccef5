"""What article 30 asks of an activity's entry, form by form: stated, none, or missing. Pure.

Source: Regulation (EU) 2016/679, article 30(1)(a) to (g) for a controller, 30(2)(a) to (d) for a processor. The legal
basis (article 6) and the impact assessment (article 35) are not asked for by article 30; registers state them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from beffroi.city import City, ProcessingActivity, Text
from beffroi.city.loader import Loaded
from beffroi.city.processing import EEA, Category, Party, Processor
from beffroi.fieldpath import FieldPath, dotted
from beffroi.report.bilingual import UNITS

from .model import Content, State
from .phrases import filled, spoken


class _Writer:
    """Writes the contents of one activity; remembers where everything is declared."""

    def __init__(self, written: Loaded, name: str) -> None:
        self.written, self.name = written, name
        self.city: City = written.city
        self.activity: ProcessingActivity = written.city.processing[name]

    def wanted(self, provision: str, name: str, values: Iterable[Text], *path: str | int) -> Content:
        """Return a content that must be there: missing without a value."""
        found = tuple(values)
        if found:
            return Content(provision=provision, name=name, state=State.STATED, values=found)
        return self.missing(provision, name, (), path)

    def missing(self, provision: str, name: str, values: Iterable[Text], path: FieldPath) -> Content:
        """Return a content that lacks the field at `path`."""
        spot = self.written.where(path)
        return Content(
            provision=provision, name=name, state=State.MISSING, values=tuple(values), field=dotted(path), spot=spot
        )

    def where_applicable(self, provision: str, name: str, values: Iterable[Text]) -> Content:
        """Return a content that only some activities have."""
        found = tuple(values)
        return Content(provision=provision, name=name, state=State.STATED if found else State.NONE, values=found)

    def parties(self, provision: str, name: str, field: str, parties: tuple[Party, ...]) -> Content:
        """Return bodies with their contacts; the first without one is missing something."""
        values = [_party(party) for party in parties]
        for index, party in enumerate(parties):
            if party.contact is None:
                return self.missing(provision, name, values, ("processing", self.name, field, index, "contact"))
        return self.where_applicable(provision, name, values)

    def officer(self, provision: str) -> Content:
        """Return the town's data protection officer and how to reach that office."""
        office = self.city.town.data_protection_officer
        function = self.city.functions[office]
        if function.contact is None:
            return self.missing(provision, "officer", [function.label], ("functions", office, "contact"))
        return self.wanted(provision, "officer", [joined(function.label, plain(function.contact))])

    def town(self, provision: str, name: str, contact: str) -> Iterator[Content]:
        """Yield the town's own name and contact."""
        town = self.city.town
        yield self.wanted(provision, name, [plain(town.controller)])
        place = [plain(town.controller_contact)] if town.controller_contact else []
        yield self.wanted(provision, contact, place, "town", "controller_contact")

    def transfers(self, provision: str) -> Content:
        """Return all that leaves the European Economic Area, and what covers it."""
        activity = self.activity
        found = [
            filled(
                "register-transfer", who=plain(each.name), country=each.country, guarantee=_guarantee(each.guarantee)
            )
            for each in activity.processors
            if each.country not in EEA
        ]
        found += [
            filled("register-transfer", who=each.recipient, country=each.country, guarantee=_guarantee(each.guarantee))
            for each in activity.transfers
            if each.country not in EEA
        ]
        return self.where_applicable(provision, "transfers", found)

    def measures(self, provision: str) -> Content:
        """Return the measures in words; their proofs stand apart."""
        words = (Text.model_construct(fr=each.fr, en=each.en) for each in self.activity.security_measures)
        return self.wanted(provision, "measures", words)


def contents(written: Loaded, name: str) -> tuple[Content, ...]:
    """Return the contents of an activity's entry, in the order of article 30."""
    writer = _Writer(written, name)
    form = _as_controller if writer.activity.role == "controller" else _as_processor
    return tuple(form(writer))


def _as_controller(writer: _Writer) -> Iterator[Content]:
    activity = writer.activity
    yield from writer.town("30(1)(a)", "controller", "controller-contact")
    yield writer.parties("30(1)(a)", "joint-controllers", "joint_controllers", activity.joint_controllers)
    yield writer.where_applicable("30(1)(a)", "representative", [])
    yield writer.officer("30(1)(a)")
    yield writer.wanted("30(1)(b)", "purposes", [activity.purpose])
    yield writer.wanted("30(1)(c)", "subjects", activity.data_subjects)
    yield writer.wanted("30(1)(c)", "categories", map(_category, activity.categories))
    recipients = [*activity.recipients, *map(_processor, activity.processors)]
    recipients += [each.recipient for each in activity.transfers]
    yield writer.wanted("30(1)(d)", "recipients", recipients, "processing", writer.name, "recipients")
    yield writer.transfers("30(1)(e)")
    yield writer.wanted("30(1)(f)", "limits", _limits(activity))
    yield writer.measures("30(1)(g)")
    yield from _beside(writer)


def _as_processor(writer: _Writer) -> Iterator[Content]:
    activity = writer.activity
    yield from writer.town("30(2)(a)", "processor", "processor-contact")
    if activity.controllers:
        yield writer.parties("30(2)(a)", "controllers", "controllers", activity.controllers)
    else:
        yield writer.missing("30(2)(a)", "controllers", (), ("processing", writer.name, "controllers"))
    yield writer.where_applicable("30(2)(a)", "representative", [])
    yield writer.officer("30(2)(a)")
    officers = [plain(each.data_protection_officer) for each in activity.controllers if each.data_protection_officer]
    yield writer.where_applicable("30(2)(a)", "officers-of-controllers", officers)
    yield writer.wanted("30(2)(b)", "processing", [joined(activity.label, activity.purpose)])
    yield writer.transfers("30(2)(c)")
    yield writer.measures("30(2)(d)")
    yield (
        writer.wanted("28", "sub-processors", map(_processor, activity.processors))
        if activity.processors
        else (writer.where_applicable("28", "sub-processors", []))
    )
    yield from _beside(writer)


def _beside(writer: _Writer) -> Iterator[Content]:
    """Yield what article 30 does not ask for and a register states."""
    activity = writer.activity
    basis = spoken(f"report-basis-{activity.legal_basis}")
    yield writer.wanted(
        "6", "legal-basis", [joined(basis, activity.legal_reference) if activity.legal_reference else basis]
    )
    yield writer.wanted("24", "responsible", [_function(writer.city, activity.responsible)])
    assessment = [plain(activity.impact_assessment)] if activity.impact_assessment else []
    yield writer.where_applicable("35", "assessment", assessment)


def _limits(activity: ProcessingActivity) -> Iterator[Text]:
    lasts = spoken_duration(activity.retention.duration)
    yield filled("register-limit", duration=lasts, starts=activity.retention.starts)
    for category in activity.categories:
        if category.erased_after:
            limit = spoken_duration(category.erased_after)
            yield filled("register-limit-of", category=category.label, duration=limit)


def _category(category: Category) -> Text:
    return joined(category.label, spoken("report-sensitive")) if category.sensitive else category.label


def _processor(processor: Processor) -> Text:
    who = filled("register-processor", who=plain(processor.name), country=processor.country)
    return joined(who, plain(processor.contract)) if processor.contract else who


def _party(party: Party) -> Text:
    return joined(plain(party.name), plain(party.contact)) if party.contact else plain(party.name)


def _guarantee(guarantee: Text | None) -> Text:
    return guarantee or spoken("register-no-guarantee")


def _function(city: City, name: str) -> Text:
    return city.functions[name].label


def spoken_duration(duration: str) -> Text:
    """Return a declared duration in words."""
    count, unit = duration.split()
    one, many = UNITS[unit.removesuffix("s")]
    return filled(one if int(count) == 1 else many, count=count)


def plain(line: str) -> Text:
    """Return a line that is the same in both languages."""
    return Text.model_construct(fr=line, en=line)


def joined(*texts: Text) -> Text:
    """Return texts one after the other."""
    return Text.model_construct(fr=" ; ".join(each.fr for each in texts), en="; ".join(each.en for each in texts))
