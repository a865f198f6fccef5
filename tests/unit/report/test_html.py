"""The page is one file, in two languages, that asks nothing of the network and that no machine can write into."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections import Counter
from html.parser import HTMLParser
from types import ModuleType

import pytest

from beffroi.messages import catalogue
from beffroi.report import Report, html
from beffroi.report.excerpts import STREAM_LIMIT, TOTAL_LIMIT

LOADING = {"src", "srcset", "action", "formaction", "poster", "data", "background", "ping", "style", "xlink:href"}


class Page(HTMLParser):
    """What the tests look at in a page."""

    def __init__(self, report: Report, language: str = "fr") -> None:
        super().__init__()
        self.text = html.render(report, language)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def values(self, name: str) -> list[str]:
        return [value for found, value in self.attributes if found == name]


@pytest.fixture(scope="module")
def page(specimen: ModuleType) -> Page:
    return Page(specimen.make_report())


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


def test_the_reader_meets_first_what_was_not_looked_at(page: Page) -> None:
    places = [page.text.index(f'id="{name}"') for name in ("unseen", "failures", "matrix", "map", "processing")]
    assert places == sorted(places)


def test_both_languages_are_in_the_page(page: Page) -> None:
    assert '<span lang="en">What was not looked at</span><span lang="fr">Ce qui n&#39;a pas' in page.text
    assert page.text.count('<span lang="en">') == page.text.count('<span lang="fr">')


@pytest.mark.parametrize(("language", "title"), [("fr", "Rapport de vérification"), ("en", "Verification report")])
def test_the_page_opens_in_the_language_asked_for(specimen: ModuleType, language: str, title: str) -> None:
    text = html.render(specimen.make_report(), language)
    assert f'<html lang="{language}"' in text
    assert f"<title>{title}" in text


def test_a_failure_shows_expected_observed_the_raw_capture_and_the_way_to_mend(page: Page) -> None:
    case = page.text[page.text.index('id="f-0"') : page.text.index('id="f-1"')]
    assert "<code>no</code>" in case
    assert "<code>yes</code>" in case
    assert re.search(
        r'<details class="raw".*<pre tabindex="0">systemctl show purge.timer</pre>.*option0 value0', case, re.DOTALL
    )
    assert "exit code 0" in case
    assert "<code>beffroi apply</code>" in case


def test_the_matrix_holds_every_verdict(specimen: ModuleType, page: Page) -> None:
    letters = re.findall(r"<td class=([pfekwn])>", page.text)
    assert len(letters) == len(specimen.make_report().verdicts)


def test_machines_become_lines_when_they_are_many(specimen: ModuleType) -> None:
    text = html.render(specimen.make_report(hosts=60, controls=5))
    assert 'class="matrix wide"' in text
    assert text.count('<th scope="row" id="h') == 62


def test_a_long_capture_is_cut_and_the_page_says_at_what_length(specimen: ModuleType) -> None:
    report = specimen.make_report()
    long = tuple(
        seen.model_copy(
            update={"captures": tuple(each.model_copy(update={"stdout": "x" * 9_999}) for each in seen.captures)}
        )
        for seen in report.observations
    )
    text = html.render(report.model_copy(update={"observations": long}))
    assert f"first {STREAM_LIMIT} of 9999 characters" in text
    assert "x" * (STREAM_LIMIT + 1) not in text


def test_captures_beyond_the_total_are_left_out_and_the_page_says_so(specimen: ModuleType) -> None:
    report = specimen.make_report(hosts=100, controls=60)
    long = tuple(
        seen.model_copy(
            update={"captures": tuple(each.model_copy(update={"stdout": "x" * 8_000}) for each in seen.captures * 4)}
        )
        for seen in report.observations
    )
    text = html.render(report.model_copy(update={"observations": long}))
    assert "Left out to keep this file small" in text
    assert text.count("x" * 8_000) * 8_000 <= TOTAL_LIMIT


def test_hostile_machines_write_nothing_into_the_page(hostile: Report) -> None:
    page = Page(hostile)
    assert page.tags["script"] == 1
    assert "<script>alert" not in page.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page.text)
    assert "␛[2J" in page.text
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_a_hostile_page_still_has_sound_anchors(hostile: Report) -> None:
    test_every_anchor_exists_once_and_every_reference_finds_its_anchor(Page(hostile))


def test_a_town_without_a_verdict_is_told_as_unverified(specimen: ModuleType) -> None:
    text = html.render(specimen.make_report(verdicts=(), observations=()))
    assert "Nothing was verified" in text
    assert "without a single verdict" in text


def test_coverage_tells_the_requirements_that_no_control_reaches(page: Page) -> None:
    assert "No control reaches it" in page.text
    assert "Beyond what machines can see" in page.text
    assert "10 of 12 requirements are reached by a control; 1 are beyond" in page.text


def test_coverage_is_not_told_without_a_framework(specimen: ModuleType) -> None:
    assert 'id="coverage"' not in html.render(specimen.make_report(frameworks={}))


def test_no_word_of_the_page_claims_that_the_law_is_met(page: Page) -> None:
    words = page.text + " ".join(text for language in ("en", "fr") for text in catalogue(language).values())
    assert not re.search(r"legally compliant|conforme à la loi|conformité légale", words, re.IGNORECASE)


def test_the_same_report_gives_the_same_page(specimen: ModuleType) -> None:
    assert html.render(specimen.make_report()) == html.render(specimen.make_report())


def test_a_hundred_machines_and_sixty_controls_take_three_seconds_and_five_megabytes_at_most(
    specimen: ModuleType,
) -> None:
    report = specimen.make_report(hosts=98, controls=60)
    start = time.process_time()
    size = len(html.render(report).encode())
    assert time.process_time() - start < 3
    assert size < 5_000_000


def test_a_waived_control_that_passes_is_told_in_both_languages(specimen: ModuleType) -> None:
    report = specimen.make_report()
    verdict = next(each for each in report.verdicts if each.outcome == "pass")
    waiver = specimen.make_waiver(verdict.host, verdict.control, owner="<script>x</script>", subject=verdict.host)
    page = Page(report.model_copy(update={"waivers": (waiver,)}))
    section = page.text[page.text.index('id="needless"') :].partition("</section>")[0]
    assert f"<strong>{verdict.host}</strong> <code>{verdict.control}</code>" in section
    assert "the waiver counts until 31 January 2027" in section
    assert "la dérogation vaut jusqu&#39;au 31 janvier 2027" in section.replace("'", "&#39;")
    assert "<script>x" not in section
