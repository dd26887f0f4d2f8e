from __future__ import annotations

import pytest
from necks import V5, V7, V8, config

from yaml_attn.checks.context import Subject
from yaml_attn.checks.strides import strides
from yaml_attn.document.document import Document


def subject(text: str) -> Subject:
    return Subject.read(Document.parse(text.encode()))


def powers(text: str) -> list[int | None]:
    """The power of each stride, None where an unknown layer had a part in it."""
    return [None if each.unknown else each.power for each in subject(text).strides]


@pytest.mark.parametrize("rows", [V8, V5, V7])
def test_the_strides_of_a_whole_network_are_known(rows: list[str]) -> None:
    found = powers(config(rows))
    assert None not in found[:-1]
    (*_, head) = subject(config(rows)).network.layers
    assert [found[source.key] for source in head.sources] == sorted(
        {found[source.key] for source in head.sources}  # type: ignore[type-var]
    )


@pytest.mark.parametrize(
    ("row", "power"),
    [
        ("[-1, 1, SE, [256]]", 3),
        ("[-1, 1, MyAttention, []]", 3),
        ("[-1, 1, EMAx, [8]]", 3),
        ("[-1, 1, EMAx, [256]]", 3),
        ("[-1, 1, EMAx, [99]]", None),  # not the channels it reads: who knows
        ("[-1, 3, C2f_EMA, [256]]", 3),
        ("[-1, 3, C3Unheard, [256]]", 3),
        ("[-1, 1, SPDConv, [64]]", None),
        ("[-1, 1, MP_1, [256]]", None),
        ("[-1, 1, BlkCBAM, [256, 16, 3, 2]]", None),
        ("[-1, 2, MobileFormerStage, [256, 2]]", None),
        ("[[-1, 2], 1, EnhancedConcat, []]", None),
        ("[-1, 1, PatchMerging, [192]]", None),
        ("[-1, 1, CBAM, [256, 3, 2]]", None),
        ("[-1, 1, InvertedBlock, [256]]", None),
        ("[[-1, 2], 1, Fusion, []]", None),
        ("[-1, 1, nn.MaxPool2d, [2]]", 4),
        ("[-1, 1, nn.MaxPool2d, [3, 1, 1]]", 3),
        ("[-1, 1, MP, []]", 4),
        ("[-1, 1, nn. Upsample, [None, 4, nearest]]", 1),
        ("[-1, 1, nn.Upsample, [None, 1.5, nearest]]", None),
        ("[-1, 1, Focus, [64, 3]]", 4),
        ("[-1, 1, Conv, [64, 3, 3]]", None),
        ("[-1, 1, Conv, [64]]", 3),
        ("[-1, 1, Conv, []]", 3),
        ("[-1, 1, ResNetLayer, [64, 64, 2, False, 4]]", 4),
        ("[-1, 1, ADown, [64]]", 4),
        ("[-1, 1, TorchVision, [64, resnet18]]", None),
    ],
)
def test_what_a_row_behind_stride_8_does(row: str, power: int | None) -> None:
    assert powers(config(V8, {4: [V8[4], row]}))[5] == power


def test_what_only_one_of_two_went_through_does_not_compare() -> None:
    found = subject(config(V8, {5: "[-1, 1, PatchMerging, [512]]"})).strides
    assert found[4].comparable(found[3])
    assert not found[4].comparable(found[6])
    assert found[5].comparable(found[6])


def test_a_join_of_different_strides_has_none() -> None:
    assert powers(config(V8, {9: "[[-1, 5], 1, Concat, [1]]"}))[9] is None


def test_what_a_broken_reference_reads_is_unknown() -> None:
    assert powers(config(V8, {3: "[40, 1, Conv, [256, 3, 2]]"}))[3:5] == [None, None]


def test_layers_said_to_keep_the_size_do() -> None:
    network = subject(config(V8, {4: [V8[4], "[-1, 1, Block, [1]]"]})).network
    assert strides(network)[5].unknown == {5}
    assert strides(network, kept={5})[5].unknown == frozenset()
