"""Remedies: the town as it stands once the safe corrections of `remediate` policies are made. Pure.

A remedy is a merge patch (RFC 7396) of the resource that breaks the policy. It is taken only where it mends: where the
city it gives is sound, differs in that resource alone, and the policy then holds of it. Any other stays a violation,
for a person to mend.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from beffroi.city import City
from beffroi.city.checks import mistakes_in
from beffroi.declaration import Declaration
from beffroi.desired import derive
from beffroi.fieldpath import FieldPath
from beffroi.planned import planned
from beffroi.policy import Level, Policy
from beffroi.replaced import Replaced
from beffroi.rules import Breach
from beffroi.schemas import unsatisfied
from beffroi.waiver import Waiver


def mended(town: Declaration, policies: Mapping[str, Policy]) -> Declaration:
    """Return the declaration with the safe remedies of its own policies made, which all verbs then work on.

    `replaced` tells each value, and `as_written` keeps the city of the files; lines stay those of the files.
    """
    city, replaced = remedied(town.city, policies, spared(town.waivers))
    if not replaced:
        return town
    return replace(
        town,
        written=replace(town.written, city=city),
        desired=derive(city, town.controls),
        as_written=town.as_written or town.city,
        replaced=(*town.replaced, *replaced),
    )


def spared(waivers: Collection[Waiver]) -> frozenset[tuple[str, str]]:
    """Return the (policy, subject) pairs that no remedy touches: those that a waiver names, expired or not.

    A waiver that ends changes no setting on a day that nobody chose (ADR 7): its violation then refuses.
    """
    return frozenset((it.policy, it.subject) for it in waivers if it.policy is not None)


def remedied(
    city: City, policies: Mapping[str, Policy], spared: Collection[tuple[str, str]] = ()
) -> tuple[City, tuple[Replaced, ...]]:
    """Return the city with every safe remedy made, and what was replaced, in the order in which it was.

    `spared` are the (policy, subject) pairs to leave as they are: those that a waiver names. Policies are taken in
    the order of their ids, so that the answer does not depend on how they were read.
    """
    found: list[Replaced] = []
    for policy in sorted(policies.values(), key=lambda it: it.id):
        if policy.level == Level.REMEDIATE and policy.remedy is not None:
            breaches = [it for it in _breaches(policy, city) if (policy.id, it.subject) not in spared]
            city, replaced = _remedied_by(city, policy, breaches)
            found += replaced
    return city, tuple(found)


def _remedied_by(city: City, policy: Policy, breaches: Sequence[Breach]) -> tuple[City, list[Replaced]]:
    """Mend what breaks one policy: all at once, or the halves apart where a remedy among them is not sound."""
    if not breaches:
        return city, []
    after = _mended(city, policy, breaches)
    if after is not None:
        return after, list(_changes(city, after, policy, breaches))
    if len(breaches) == 1:
        return city, []
    middle = len(breaches) // 2
    city, first = _remedied_by(city, policy, breaches[:middle])
    city, second = _remedied_by(city, policy, breaches[middle:])
    return city, first + second


def _breaches(policy: Policy, city: City) -> list[Breach]:
    return list(unsatisfied(policy.schema_ or {}, policy.applies_to, city))


def _mended(city: City, policy: Policy, breaches: Sequence[Breach]) -> City | None:
    """Return the city with some remedies made; None where it would not be sound, or one of them would not mend."""
    plain = _plain(city)
    places = _places(city, policy, breaches)
    for place in places:
        resource: Any = plain
        for step in place[:-1]:
            resource = resource[step]
        resource[place[-1]] = _patched(resource[place[-1]], policy.remedy)
    try:
        after = City.model_validate(plain, by_alias=True)
    except ValidationError:
        return None
    if mistakes_in(after) or set(places) & set(_places(after, policy, _breaches(policy, after))):
        return None
    elsewhere = [path for path, _, _ in _differences((), _plain(city), _plain(after)) if not _within(path, places)]
    return None if elsewhere else after


def _within(path: FieldPath, places: Collection[FieldPath]) -> bool:
    return any(start in places for start in _starts(path))


def _starts(path: FieldPath) -> Iterator[FieldPath]:
    yield from (path[:length] for length in range(len(path) + 1))


def _places(city: City, policy: Policy, breaches: Sequence[Breach]) -> list[FieldPath]:
    """Return the path of the resource that each breach is about; the breach's own may point at a field of it."""
    names = {it.path: it.name for it in planned(city) if it.sort in policy.applies_to}
    return [next(start for start in _starts(it.path) if names.get(start) == it.subject) for it in breaches]


def _changes(before: City, after: City, policy: Policy, breaches: Sequence[Breach]) -> Iterator[Replaced]:
    subjects = dict(zip(_places(before, policy, breaches), (it.subject for it in breaches), strict=True))
    for path, was, becomes in _differences((), _plain(before), _plain(after)):
        place = next(start for start in _starts(path) if start in subjects)
        yield Replaced(policy=policy.id, subject=subjects[place], path=path, was=was, becomes=becomes)


def _differences(path: FieldPath, one: Any, other: Any) -> Iterator[tuple[FieldPath, Any, Any]]:  # noqa: ANN401
    """Yield the values that differ, at the depth where they do; a list whose length changes is one value."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _differences((*path, key), one.get(key), other.get(key))
    elif one != other and isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences((*path, index), left, right)
    elif one != other:
        yield path, one, other


def _plain(city: City) -> dict[str, Any]:
    return city.model_dump(mode="json", by_alias=True)


def _patched(target: Any, patch: Any) -> Any:  # noqa: ANN401 - plain JSON, as RFC 7396 section 2 has it
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), value)
    return result
