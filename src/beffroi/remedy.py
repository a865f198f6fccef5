"""Remedies: the town as it stands once the safe corrections of `remediate` policies are made. Pure.

A remedy is a merge patch (RFC 7396) of the resource that breaks the policy. It is taken only where it mends: where the
city it gives is sound and the policy then holds of the resource. Any other stays a violation, for a person to mend.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from beffroi.city import City
from beffroi.city.checks import mistakes_in
from beffroi.fieldpath import FieldPath, dotted
from beffroi.planned import planned
from beffroi.policy import Level, Policy
from beffroi.rules import Breach
from beffroi.schemas import unsatisfied
from beffroi.verdict import Frozen


class Replaced(Frozen):
    """One value of the town's files that a policy's remedy takes the place of; as plain JSON."""

    policy: str
    subject: str
    path: tuple[str | int, ...]
    was: Any
    becomes: Any

    @property
    def field(self) -> str:
        """Return the path as a person reads it: `hosts.db.stores.requests.mode`."""
        return dotted(self.path)


def remedied(
    city: City, policies: Mapping[str, Policy], spared: Collection[tuple[str, str]] = ()
) -> tuple[City, tuple[Replaced, ...]]:
    """Return the city with every safe remedy made, and what was replaced, in the order in which it was.

    `spared` are the (policy, subject) pairs to leave as they are: those that a waiver lets pass. Policies are taken in
    the order of their ids, so that the answer does not depend on how they were read.
    """
    replaced: list[Replaced] = []
    for policy in sorted(policies.values(), key=lambda it: it.id):
        if policy.level != Level.REMEDIATE or policy.remedy is None:
            continue
        for breach in _breaches(policy, city):
            if (policy.id, breach.subject) in spared:
                continue
            mended = _mended(city, policy, breach)
            if mended is not None:
                replaced += _changes(city, mended, policy, breach)
                city = mended
    return city, tuple(replaced)


def _breaches(policy: Policy, city: City) -> list[Breach]:
    return list(unsatisfied(policy.schema_ or {}, policy.applies_to, city))


def _mended(city: City, policy: Policy, breach: Breach) -> City | None:
    """Return the city with one remedy made; None where it would not be sound, or would not mend."""
    plain = _plain(city)
    place = _place(city, policy, breach)
    resource: Any = plain
    for step in place[:-1]:
        resource = resource[step]
    resource[place[-1]] = _patched(resource[place[-1]], policy.remedy)
    try:
        mended = City.model_validate(plain, by_alias=True)
    except ValidationError:
        return None
    still = {_place(mended, policy, it) for it in _breaches(policy, mended)}
    return None if mistakes_in(mended) or place in still else mended


def _place(city: City, policy: Policy, breach: Breach) -> FieldPath:
    """Return the path of the resource that a breach is about; the breach's own may point at a field of it."""
    return next(
        it.path
        for it in planned(city)
        if it.sort in policy.applies_to and it.name == breach.subject and breach.path[: len(it.path)] == it.path
    )


def _changes(before: City, after: City, policy: Policy, breach: Breach) -> Iterator[Replaced]:
    for path, was, becomes in _differences((), _plain(before), _plain(after)):
        yield Replaced(policy=policy.id, subject=breach.subject, path=path, was=was, becomes=becomes)


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
