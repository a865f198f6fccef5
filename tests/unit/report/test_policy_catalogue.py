from pathlib import Path

from beffroi.policy import load_policies
from beffroi.report.policy_catalogue import COMMAND, page

ROOT = Path(__file__).parents[3]


def test_the_committed_page_lists_the_policies_as_they_are() -> None:
    written = (ROOT / "docs" / "policy-catalogue.md").read_text(encoding="utf-8")
    assert written == page(load_policies(ROOT)), f"make it again: {COMMAND}"


def test_a_title_cannot_break_the_table() -> None:
    [policy] = (it for name, it in load_policies(ROOT).items() if name == "flows/end-is-near")
    title = policy.title.model_copy(update={"en": "this | that"})
    assert "| this \\| that |" in page({"flows/end-is-near": policy.model_copy(update={"title": title})})
