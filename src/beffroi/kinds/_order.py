"""How two values of a control compare: does the second ask for less than the first? Shared by the kinds.

An answer is True (it asks for less), False (for as much, or more) or None (the values cannot be ordered).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

Answer = bool | None
Order = Callable[[str, str], Answer]
"""Compares the value before with the value after."""

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def altogether(answers: Iterable[Answer]) -> Answer:
    """Return the answer about a whole: weakened by one part that is, and unordered by one part that cannot be."""
    seen = set(answers)
    return True if True in seen else None if None in seen else False


def lacks(before: Collection[object], after: Collection[object]) -> bool:
    """Tell whether something that was asked for no longer is."""
    return not set(before) <= set(after)


def each(before: Mapping[str, str], after: Mapping[str, str], order: Callable[[str], Order]) -> Answer:
    """Compare values by name, each in the order of its name: one that is no longer asked for weakens the whole."""
    return altogether(name not in after or step(value, after[name], order(name)) for name, value in before.items())


def step(before: str, after: str, order: Order) -> Answer:
    """Compare two values; equal ones weaken nothing, whether they can be ordered or not."""
    return False if before == after else order(before, after)


def unordered(_before: str, _after: str) -> Answer:
    """Say that two different values cannot be ordered."""
    return None


def words(*weakest_first: str | Sequence[str]) -> Order:
    """Order words from the weakest to the strongest; those of one group are beside each other, not comparable."""
    groups = [{group} if isinstance(group, str) else set(group) for group in weakest_first]
    ranks = {word: rank for rank, group in enumerate(groups) for word in group}

    def order(before: str, after: str) -> Answer:
        old, new = ranks.get(before.lower()), ranks.get(after.lower())
        if old is None or new is None or (old == new and before.lower() != after.lower()):
            return None
        return new < old

    return order


def smaller(unlimited: str = "") -> Order:
    """Order numbers and lengths of time (`90`, `2m`) where the smaller one is stronger; `unlimited` is weakest of all.

    Source of the units: sshd_config(5), TIME FORMATS.
    """

    def order(before: str, after: str) -> Answer:
        old, new = _number(before), _number(after)
        if old is None or new is None:
            return None
        if unlimited in (before, after) and unlimited:
            return after == unlimited and before != unlimited
        return new > old

    return order


def larger(strongest: str = "") -> Order:
    """Order numbers and lengths of time where the larger one is stronger; `strongest` is above them all."""

    def order(before: str, after: str) -> Answer:
        old, new = _number(before), _number(after)
        if old is None or new is None:
            return None
        if strongest in (before, after) and strongest:
            return before == strongest and after != strongest
        return new < old

    return order


def fewer_bits(before: str, after: str) -> Answer:
    """Compare octal permissions: any bit that was not granted before weakens."""
    try:
        return bool(int(after, 8) & ~int(before, 8))
    except ValueError:
        return None


def _number(text: str) -> int | None:
    number, unit = (text, "") if text[-1:].isdigit() else (text[:-1], text[-1:].lower())
    if unit not in _UNITS or not number.lstrip("-").isdecimal():
        return None
    return int(number) * _UNITS[unit]
