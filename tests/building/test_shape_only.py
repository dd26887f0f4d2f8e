"""Running without multiplying gives the shapes, the counts and the failures of running."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from yaml_attn.building.flops import FlopCount
from yaml_attn.building.shape_only import Unmultiplied


def convolutions() -> Iterator[nn.Module]:
    for kernel, stride, padding, dilation, groups in itertools.product(
        (1, 2, 3), (1, 2), (0, 1), (1, 2), (1, 2)
    ):
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        yield nn.Conv2d(4, 6, kernel, **options)
        yield nn.ConvTranspose2d(4, 6, kernel, **options, output_padding=stride - 1)
    yield nn.Conv2d(4, 6, (1, 5), stride=(2, 1), padding=(0, 2), bias=False)
    yield nn.Conv2d(4, 6, 3, padding="same")
    yield nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular")


def run(layer: nn.Module, image: Tensor) -> tuple[tuple[int, ...], int]:
    with torch.no_grad(), FlopCount() as flops:
        return tuple(layer(image).shape), flops.total


@pytest.mark.parametrize("sides", [(8, 8), (9, 12), (7, 5)], ids=str)
def test_every_convolution_gives_its_shape_and_costs_what_it_costs(sides: tuple[int, int]) -> None:
    image = torch.rand(2, 4, *sides)
    for layer in convolutions():
        with Unmultiplied():
            quick = run(layer, image)
        assert quick == run(layer, image), layer


@pytest.mark.parametrize(
    ("layer", "image"),
    [
        (nn.Conv1d(4, 6, 3, stride=2), torch.rand(2, 4, 9)),
        (nn.Conv3d(4, 6, 3, padding=1), torch.rand(2, 4, 3, 4, 5)),
    ],
    ids=["1d", "3d"],
)
def test_of_any_number_of_dimensions(layer: nn.Module, image: Tensor) -> None:
    with Unmultiplied():
        quick = run(layer, image)
    assert quick == run(layer, image)


def test_what_it_gives_is_zeros_and_all_else_is_real() -> None:
    image = torch.rand(1, 4, 8, 8)
    with Unmultiplied(), torch.no_grad():
        assert nn.Conv2d(4, 6, 3)(image).count_nonzero() == 0
        assert torch.equal(
            nn.functional.max_pool2d(image, 2), image.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))
        )


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Conv2d(5, 6, 1), "expected input.* to have 5 channels, but got 4"),
        (nn.ConvTranspose2d(5, 6, 1), "expected input.* to have 5 channels, but got 4"),
        (nn.Conv2d(4, 6, 11), "Kernel size can't be greater than actual input size"),
        (nn.Conv3d(4, 6, 1), "Expected 4D .* or 5D .* input to conv3d, but got input of size"),
    ],
    ids=["channels", "transposed", "kernel", "dimensions"],
)
def test_what_is_impossible_fails_with_torchs_own_words(layer: nn.Module, message: str) -> None:
    with Unmultiplied(), torch.no_grad(), pytest.raises(RuntimeError, match=message):
        layer(torch.rand(1, 4, 8, 8) if not isinstance(layer, nn.Conv3d) else torch.rand(4, 8, 8))
