"""Which layers do not start as the identity, as rows tell, and the arguments that make them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from own_class import OWN, write_own
from torch import nn

from yaml_attn.blocks.composed import ComposedBlock
from yaml_attn.blocks.csp import C3
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.custom import load_own
from yaml_attn.mechanisms.identity import NotIdentity, identity_warning, not_identity
from yaml_attn.mechanisms.registry import find


def network(*rows: list[Any]) -> Network:
    return Network.read({"backbone": [[-1, 1, *row] for row in rows], "head": []})


@pytest.mark.parametrize(
    ("module", "args", "wanted"),
    [
        ("SE", [64], [64, 16, False, True]),
        ("SE", [64, 8], [64, 8, False, True]),
        ("SE", [64, 8, True, False], [64, 8, True, True]),
        ("SE", [], ["c2", 16, False, True]),
        ("se_block", ["c2"], ["c2", 16, False, True]),
        ("CBAM", [64, 16, 7, False, "paper"], [64, 16, 7, True, "paper"]),
        ("CrossAttention", [64, 64], [64, 64, 6, 6, True]),
        ("C3SE", [64, True, 1, 0.5], [64, True, 1, 0.5, 16, False, True]),
        ("C3SE", [64, True], [64, True, "...", 16, False, True]),
        ("C2fThenSE", [64], [64, "...", 16, False, True]),
        ("SimAM", [64], None),
        ("SimAM", [64, 1e-4, True], None),
        ("torchvision.ops.SqueezeExcitation", ["c2", 16], None),
    ],
)
def test_what_does_not_start_as_the_identity_is_told_with_what_would(
    module: str, args: list[Any], wanted: list[Any] | None
) -> None:
    (found,) = not_identity(network(["Conv", [64]], [module, args]))
    assert found == NotIdentity(1, module, None if wanted is None else tuple(wanted))
    if wanted and "..." not in wanted:
        assert not_identity(network(["Conv", [64]], [module, wanted])) == ()


@pytest.mark.parametrize(
    ("module", "args"),
    [
        ("Conv", [64]),
        ("C3", [64, True]),
        ("MyThing", [True, True, True, True]),
        ("DANChannel", [64]),
        ("ADL", [64]),
        ("C3k2SE", [64, False, 0.25, False, 1, True, 16, False, True]),
        ("C3k2SE", [64, False, 0.25, 1, True, 16, False, True]),
    ],
)
def test_the_rest_is_left_alone(module: str, args: list[Any]) -> None:
    assert not_identity(network([module, args])) == ()


def test_only_new_layers_are_looked_at() -> None:
    rows = network(["SE", [64]], ["SE", [64]])
    assert [each.index for each in not_identity(rows, {1})] == [1]


def test_a_class_of_the_users_is_asked_for_its_parameter(tmp_path: Path) -> None:
    plain = load_own(write_own(tmp_path))
    able = load_own(
        write_own(tmp_path, "able.py", OWN.replace("1.0)", "1.0, identity_init: bool = False)"))
    )
    for mine, args in ((plain, None), (able, (64, 1.0, True))):
        found = not_identity(network(["Mine", [64]]), find={"Mine": mine}.__getitem__)
        assert found == (NotIdentity(0, "Mine", args),)


def test_the_arguments_that_are_told_give_the_identity() -> None:
    (found,) = not_identity(network(["C3SE", [8, True, 1, 0.5]]))
    assert found.args
    made = {}
    for args in ([8, 8, 1, True, 1, 0.5], [8, 8, 1, *found.args[1:]]):
        torch.manual_seed(0)
        made[len(args)] = ComposedBlock(C3, find("SE").load(), "inside")(*args)
    plain: nn.Module = C3(8, 8, 1)
    x = torch.rand(1, 8, 4, 4)
    same = made[len(found.args) + 2]
    plain.load_state_dict(same.state_dict(), strict=False)
    assert torch.equal(same.eval()(x), plain.eval()(x))
    assert not torch.equal(made[6].eval()(x), plain(x))


def test_the_warning_says_what_to_type() -> None:
    assert identity_warning(()) is None
    rows = network(["SE", [64]], ["SimAM", [64]], ["ECA", [64]])
    found = not_identity(rows)
    assert identity_warning(found[:1]) == (
        "layer 0 (SE) does not start as the identity, and disturbs the pretrained network from the "
        "first image on: give its row the arguments [64, 16, False, True], as `yaml-attn insert "
        "--identity-init` writes them."
    )
    text = identity_warning(found) or ""
    assert text.startswith("layers 0 (SE), 2 (ECA) do not start as the identity")
    assert text.endswith(
        "layer 1 (SimAM) has no way to start as the identity: the pretrained network is disturbed "
        "from the first image on."
    )
