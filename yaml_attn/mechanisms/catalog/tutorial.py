"""The tutorial that most people copy these mechanisms from, entry by entry, and our answers.

Its headings are numbered 1 to 37. Two have the number 19, the fifth is the recipe for putting a
module into a network, and the thirtieth is the tenth again: 38 entries. From 15 on it has a picture
for each, and no code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from yaml_attn.mechanisms.catalog import MECHANISMS
from yaml_attn.mechanisms.catalog.refused import REFUSED
from yaml_attn.mechanisms.mechanism import Mechanism, Refused

RECIPE: Final = "yaml-attn insert"


@dataclass(frozen=True)
class Item:
    """An entry of the tutorial: its number, its heading, and what answers it here."""

    number: int
    written: str
    name: str


@dataclass(frozen=True)
class Answer:
    """An entry and what became of it: `place` is where it stands in the package."""

    item: Item
    state: str
    name: str
    place: str
    paper: str = ""


ITEMS: Final = (
    Item(1, "SE", "SE"),
    Item(2, "CBAM", "CBAM"),
    Item(3, "ECA", "ECA"),
    Item(4, "CA", "CoordAtt"),
    Item(5, "how to add one to a network", RECIPE),
    Item(6, "SOCA", "SOCA"),
    Item(7, "SimAM", "SimAM"),
    Item(8, "S2-MLPv2", "S2Attention"),
    Item(9, "NAM", "NAMAttention"),
    Item(10, "Criss-Cross", "CrissCrossAttention"),
    Item(11, "GAM", "GAMAttention"),
    Item(12, "Selective Kernel", "SKAttention"),
    Item(13, "Shuffle", "ShuffleAttention"),
    Item(14, "A2-Net", "DoubleAttention"),
    Item(15, "DAN position", "DANPosition"),
    Item(16, "DAN channel", "DANChannel"),
    Item(17, "ResNeSt", "SplAtConv"),
    Item(18, "Harmonious", "HarmoniousAttention"),
    Item(19, "Spatial", "SpatialAttention"),
    Item(19, "RANet", "RANet"),
    Item(20, "Co-excitation", "CoExcitation"),
    Item(21, "Efficient", "EfficientAttention"),
    Item(22, "X-Linear", "XLinearAttention"),
    Item(23, "Slot", "SlotAttention"),
    Item(24, "Axial", "AxialAttention"),
    Item(25, "RFA", "RandomFeatureAttention"),
    Item(26, "Attention-based dropout", "AttentionDropout"),
    Item(27, "Reverse", "ReverseAttention"),
    Item(28, "Cross", "CrossAttention"),
    Item(29, "Perceiver", "Perceiver"),
    Item(30, "Criss-Cross", "CrissCrossAttention"),
    Item(31, "Boosted", "BoostedAttention"),
    Item(32, "Prophet", "ProphetAttention"),
    Item(33, "S3TA", "S3TA"),
    Item(34, "Self-critic", "SelfCriticAttention"),
    Item(35, "Bayesian attention belief", "BayesianAttention"),
    Item(36, "Expectation-maximisation", "EMAttention"),
    Item(37, "Gaussian", "GaussianAttention"),
)
"""In the tutorial's order."""


def answers() -> tuple[Answer, ...]:
    """Every entry of the tutorial, in its order, with what became of it."""
    first = {item.name: item for item in reversed(ITEMS)}
    return tuple(_answer(item, first[item.name]) for item in ITEMS)


def _answer(item: Item, first: Item) -> Answer:
    if item.name == RECIPE:
        return Answer(item, "a command", RECIPE, "cli/insert.py")
    refused = next((each for each in REFUSED if each.name == item.name), None)
    if refused:
        return Answer(
            item, "none, and why", refused.name, "mechanisms/catalog/refused.py", _paper(refused)
        )
    each = MECHANISMS[item.name]
    words = ["available", f"as item {first.number}"] if first is not item else ["available"]
    words += ["two inputs"] * (each.inputs == 2) + ["adapted"] * bool(each.adapted)
    return Answer(item, ", ".join(words), each.name, f"modules/{each.file}.py", _paper(each))


def _paper(each: Mechanism | Refused) -> str:
    venue = "" if each.venue == "arXiv" else f"{each.venue} "
    arxiv = f", arXiv {each.arxiv}" if each.arxiv else ""
    return f"{each.title}, {venue}{each.year}{arxiv}"
