"""The register of processing (RGPD, article 30) and the stores that keep the data agree with each other."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import normpath

from beffroi.city.model import City
from beffroi.city.processing import EEA, ProcessingActivity, length
from beffroi.fieldpath import FieldPath

from .mistake import Mistake

_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/run", "/sbin", "/sys", "/usr")
_SHARED = frozenset(("/var/cache", "/var/lib", "/var/log", "/var/spool", "/var/tmp"))  # noqa: S108 - names, not used


def mistakes(city: City) -> Iterator[Mistake]:
    """Yield the stores and the processing activities that do not answer to each other, and unlawful gaps."""
    yield from _stores(city)
    yield from _claims(city)
    for name, activity in city.processing.items():
        yield from _transfers(name, activity)
        yield from _impact(name, activity)
        yield from _limits(name, activity)


def _stores(city: City) -> Iterator[Mistake]:
    names: dict[str, FieldPath] = {}
    places: dict[tuple[str, str], str] = {}
    for host, name, store in city.stores():
        path = ("hosts", host, "stores", name)
        if names.setdefault(name, path) != path:
            yield Mistake(path, "store-twice", {"name": name, "host": names[name][1]}, names[name])
        if _belongs_to_the_system(store.path):
            yield Mistake((*path, "path"), "store-system-folder", {"path": store.path})
            continue
        holder = places.setdefault((host, normpath(store.path)), name)
        if holder != name:
            other = ("hosts", host, "stores", holder, "path")
            yield Mistake((*path, "path"), "store-path-twice", {"path": store.path, "store": holder}, other)


def _belongs_to_the_system(path: str) -> bool:
    """Tell whether a store's owner and mode, set on `path`, could break the system."""
    plain = normpath(path)
    inside = any(plain == folder or plain.startswith(f"{folder}/") for folder in _SYSTEM)
    return plain != path or inside or plain in _SHARED or plain.count("/") == 1


def _claims(city: City) -> Iterator[Mistake]:
    kept = {name for _, name, _ in city.stores()}
    claimed: set[str] = set()
    for name, activity in city.processing.items():
        claimed.update(activity.stores)
        for index, store in enumerate(activity.stores):
            if store not in kept:
                yield Mistake(
                    ("processing", name, "stores", index), "unknown-store", {"name": store}, None, sorted(kept)
                )
    for host, store, _ in city.stores():
        if store not in claimed:
            yield Mistake(("hosts", host, "stores", store), "store-unclaimed", {"name": store})


def _transfers(name: str, activity: ProcessingActivity) -> Iterator[Mistake]:
    for index, processor in enumerate(activity.processors):
        if processor.country not in EEA and processor.guarantee is None:
            path = ("processing", name, "processors", index, "guarantee")
            yield Mistake(path, "transfer-unguarded", {"processor": processor.name, "country": processor.country})
    for index, transfer in enumerate(activity.transfers):
        if transfer.country not in EEA and transfer.guarantee is None:
            path = ("processing", name, "transfers", index, "guarantee")
            names = {"processor": transfer.recipient.en, "country": transfer.country}
            yield Mistake(path, "transfer-unguarded", names)


def _impact(name: str, activity: ProcessingActivity) -> Iterator[Mistake]:
    sensitive = [category.label.en for category in activity.categories if category.sensitive]
    if sensitive and activity.impact_assessment is None:
        yield Mistake(("processing", name, "impact_assessment"), "impact-missing", {"category": sensitive[0]})


def _limits(name: str, activity: ProcessingActivity) -> Iterator[Mistake]:
    """Yield the categories said to outlive their activity: what purges the stores knows the activity's limit alone."""
    for index, category in enumerate(activity.categories):
        if category.erased_after and length(category.erased_after) > activity.retention.lasts():
            names = {"category": category.label.en, "limit": category.erased_after}
            path = ("processing", name, "categories", index, "erased_after")
            yield Mistake(path, "category-outlives", {**names, "retention": activity.retention.duration})
