"""The page on a proposed change is one file, in two languages, that asks nothing and that no file can write into."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beffroi.report.gate_html import SHOWN_ENTRIES, html
from beffroi.review import Review

LOADING = {"src", "srcset", "action", "formaction", "poster", "data", "background", "ping", "style", "xlink:href"}
ANYTHING = st.text(st.characters(codec=None), min_size=1)
LIVELY = st.text(st.sampled_from("<>&\"'/`=! scriptimgonerror\n\0"), min_size=1)


class Page(HTMLParser):
    """What the tests look at in a page."""

    def __init__(self, *reviews: Review, language: str = "fr") -> None:
        super().__init__()
        self.text = html(reviews, language)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.attributes if found == name]


@pytest.fixture(scope="module")
def page(gate_specimen: ModuleType) -> Page:
    made = ("make_review", "deviating", "undecided", "mistaken", "accepted")
    return Page(*(getattr(gate_specimen, name)() for name in made))


def test_nothing_in_the_page_loads_anything(page: Page) -> None:
    assert not {name for name, _ in page.attributes} & LOADING
    assert all(address.startswith("#") for address in page.values("href"))
    assert set(re.findall(r"url\(([^)]*)\)", page.text)) <= {"#tip"}
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)


def test_the_policy_lets_only_the_page_s_own_style_and_script_act(page: Page) -> None:
    policy = page.values("content")[0]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        own = re.search(f"<{tag}>(.*?)</{tag}>", page.text, re.DOTALL)
        assert own is not None
        digest = base64.b64encode(hashlib.sha256(own[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_every_anchor_exists_once_and_every_reference_finds_its_anchor(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    wanted = {address[1:] for address in page.values("href")} | {
        name for names in page.values("aria-labelledby") for name in names.split()
    }
    assert wanted <= set(ids)


def test_both_languages_are_in_the_page(page: Page) -> None:
    assert "What refuses the change" in page.text
    assert "Ce qui fait refuser la modification" in page.text
    assert page.text.count('<span lang="en">') == page.text.count('<span lang="fr">')


@pytest.mark.parametrize(("language", "title"), [("fr", "ce que fait"), ("en", "what a proposed change does")])
def test_the_page_opens_in_the_language_asked_for(gate_specimen: ModuleType, language: str, title: str) -> None:
    text = html([gate_specimen.make_review()], language)
    assert f'<html lang="{language}"' in text
    assert title in re.search("<title>(.*)</title>", text)[1]  # type: ignore[index]


def test_a_refusal_shows_its_place_and_the_way_out(page: Page) -> None:
    entry = page.text[page.text.index("On n&#39;administre que par le bastion") :]
    entry = entry[: entry.index("</li>")]
    assert "<code>inventory/example/city.yml:26</code>" in entry
    assert "remove <code>desks</code> from the flow" in entry


def test_a_long_section_is_cut_and_counted(gate_specimen: ModuleType) -> None:
    review = gate_specimen.make_review()
    blast = tuple(review.blast[0].model_copy(update={"machine": f"h{n}"}) for n in range(SHOWN_ENTRIES + 7))
    text = html([review.model_copy(update={"blast": blast})])
    assert text.count("replaced by a new one") == SHOWN_ENTRIES
    assert "7 entries were left out" in text


def test_hostile_names_write_nothing_into_the_page(gate_specimen: ModuleType) -> None:
    tame, nasty = Page(gate_specimen.hostile("name")), Page(gate_specimen.hostile())
    assert set(nasty.tags) == set(tame.tags)
    assert nasty.tags["script"] == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", nasty.text)


@settings(deadline=None, max_examples=20)
@given(st.one_of(ANYTHING, LIVELY))
def test_no_name_writes_a_tag_or_an_attribute(gate_specimen: ModuleType, name: str) -> None:
    made, tame = Page(gate_specimen.hostile(name)), Page(gate_specimen.hostile("name"))
    made.text.encode("utf-8")
    assert set(made.tags) == set(tame.tags)
    assert {name for name, _ in made.attributes} == {name for name, _ in tame.attributes}
