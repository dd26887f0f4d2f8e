"""Argument strings as the frameworks' `eval` takes them, without ever running them."""

from __future__ import annotations

import pytest

from yaml_attn.dialects.arguments import TorchCall, TorchClass, understand
from yaml_attn.errors import BuildError

NAMES = {"nc": 80, "na": 3, "ch": [16, 32], "f": -1, "c2": 32, "anchors": [[1, 2]]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nc", 80),
        ("None", None),
        ("True", True),
        ("0.1", 0.1),
        ("-1", -1),
        ("[3, 5]", [3, 5]),
        ("(1, 3)", (1, 3)),
        ("'same'", "same"),
        ("ch[f]", 32),
        ("ch[f]//16", 2),
        ("na * (nc + 5)", 255),
        (" c2 ", 32),
        ("nn.SiLU()", TorchCall("SiLU")),
        ("nn.LeakyReLU(0.1)", TorchCall("LeakyReLU", (0.1,))),
        ("torch.nn.ReLU(inplace=True)", TorchCall("ReLU", (), (("inplace", True),))),
        ("nn.SiLU", TorchClass("SiLU")),
    ],
)
def test_names_literals_arithmetic_and_activations_are_understood(text: str, value: object) -> None:
    assert understand(text, NAMES) == value


@pytest.mark.parametrize("text", ["nearest", "relu", "swin_tiny_224.pth", "gelu(1)", "c3 + 1"])
def test_a_string_with_an_unknown_name_stays_a_string(text: str) -> None:
    assert understand(text, NAMES) == text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("3x3", "no expression"),
        ("", "no expression"),
        ("a b", "no expression"),
        ("-" * 300 + "1", "no expression"),
        ("max", "name of Python"),
        ("taken", "name of Python"),
        ("nn.SiLu()", "did you mean nn.SiLU?"),
        ("nn.Conv2d", "no activation"),
        ("nc // 0", "by zero"),
        ("ch[7]", "out of range"),
        ("ch * 9", "no number"),
        ("2 ** 9", "only names"),
        ("nc.real", "only nn.X"),
        ("[x for x in ch]", "only names"),
        ("__import__('os').system('true')", "only nn.X"),
    ],
)
def test_what_eval_fails_on_or_would_run_is_refused(text: str, part: str) -> None:
    with pytest.raises(BuildError) as caught:
        understand(text, NAMES, taken={"taken"})
    assert part in str(caught.value)


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    assert understand("-" * 198 + "1", NAMES) == 1
