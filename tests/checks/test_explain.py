from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from yaml_attn.checks import READABLE, RULES, UNREADABLE
from yaml_attn.checks.explain import BASE, explain, manual, summary
from yaml_attn.checks.finding import Finding
from yaml_attn.errors import UsageError

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"
WITH_BASE = {"YA102", "YA103", "YA104"}
WITHOUT_EXAMPLE = {"YA008"}  # bytes that are no text

Find = Callable[..., list[Finding]]


def examples(code: str) -> tuple[str, str]:
    """The wrong config of a rule's docstring, and the row that belongs in its marked place."""
    text = inspect.cleandoc(RULES[code].__doc__ or "")
    wrong, _, right = text.partition("\nWrong:\n\n")[2].partition("\nRight:\n\n")
    blocks = ["\n".join(line[4:] for line in each.rstrip().split("\n")) for each in (wrong, right)]
    return blocks[0], blocks[1]


@pytest.mark.parametrize("code", sorted(set(RULES) - WITHOUT_EXAMPLE))
def test_the_example_of_a_rule_is_wrong_where_it_says_and_right_when_corrected(
    find: Find, code: str
) -> None:
    wrong, right = examples(code)
    lines = wrong.split("\n")
    marked = next((at for at, line in enumerate(lines) if line.endswith("# <-")), None)
    base = BASE if code in WITH_BASE else None
    found = [(each.code, each.place.line) for each in find(wrong, base)]
    assert (code, 1 if marked is None else marked + 1) in found
    if right:
        assert marked is not None
        lines[marked : marked + right.count("\n") + 1] = right.split("\n")
        assert code not in {each.code for each in find("\n".join(lines), base)}


@pytest.mark.parametrize("code", sorted(RULES))
def test_a_rule_is_told_in_one_sentence(code: str) -> None:
    sentence = summary(code)
    assert sentence.endswith(".")
    assert len(sentence) < 100


def test_codes_and_names_are_unique_and_well_formed() -> None:
    rules = [rule.RULE for rule in (*UNREADABLE, *READABLE)]
    assert len(rules) == len(RULES) == len({rule.name for rule in rules})
    assert all(re.fullmatch(r"YA[0-3]\d\d", rule.code) for rule in rules)
    assert [rule.code for rule in rules] == sorted(rule.code for rule in rules)
    assert len({rule.CAUSE for rule in UNREADABLE}) == len(UNREADABLE)


def test_every_rule_has_a_file_of_its_own() -> None:
    for rule in (*UNREADABLE, *READABLE):
        name = str(rule.__name__).rpartition(".")[2]  # type: ignore[union-attr]
        assert name == rule.RULE.name.replace("-", "_")


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == manual(), "run python docs/generate.py"


def test_the_page_shows_examples_as_yaml() -> None:
    page = manual()
    assert page.count("```yaml\n") == page.count("\n```\n") - page.count("```toml\n")
    assert all(f"### {code} " in page for code in RULES)


def test_one_rule_is_explained() -> None:
    assert explain("ya203").startswith("YA203 detect-unfinished (error)\n\nThe head reads a layer")
    with pytest.raises(UsageError, match="YA999"):
        explain("YA999")
