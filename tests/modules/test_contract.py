"""The contract that every mechanism of the registry passes; a module added later is tested too.

One test per promise, one case per mechanism. What a mechanism may do otherwise stands, with its
reason, in the three tables below. Compilers and exporters have a file of their own, test_export.
"""

from __future__ import annotations

import ast
import copy
import inspect
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from abilities import needs_half
from torch import Tensor, nn
from two_inputs import reading_one

from yaml_attn import modules
from yaml_attn.modules import MECHANISMS

# Channel counts that a mechanism refuses, because its mathematics has no form for them.
REFUSED: Mapping[str, frozenset[int]] = {
    "ShuffleAttention": frozenset({1, 3, 7}),  # an odd number of channels has no halves
    "SplAtConv": frozenset({1, 3, 7}),  # nor two splits
}

# How far from the identity `identity_init=True` starts, relative to the largest input, if not 0.
IDENTITY_TOLERANCE: Mapping[str, float] = {
    "AttentionDropout": 1.0,  # in training it hides positions; in evaluation it is the identity
    "SimAM": 0.48,  # no parameters to set: the gate runs from 0.92 to 1 + exp(-3/4) = 1.47
    "CrossAttention": 0.016,  # a softmax over the 9x7 pixels adds 1/63 of each, or more
    "BoostedAttention": 2e-3,  # at 0 the ReLU of the saliency would pass no gradient
    "XLinearAttention": 2e-3,  # at 0 the ReLU of what is added would pass no gradient
    "SKAttention": 1.0,  # made of branches that end in a ReLU: d(x) in evaluation, no nearer
    "SplAtConv": 1.0,  # made of splits that end in a ReLU, as SKAttention
}

# Mechanisms that start as the identity: a gate at 0 keeps the gradient from what is behind it.
ZERO_GATED: Mapping[str, str] = {
    "CoExcitation": "both batch norms start at 0, as in the paper's code",
    "CrissCrossAttention": "y = gamma * attention + x with gamma = 0, as in the paper",
    "DANChannel": "y = beta * attention + x with beta = 0, as in the paper",
    "DANPosition": "y = alpha * attention + x with alpha = 0, as in the paper",
    "ShuffleAttention": "s(w2 * GN(b) + b2) with w2 = 0, as in the paper",
}

CHANNELS = (1, 3, 7, 8, 16, 24, 36, 64, 100, 256)
SIZES = ((1, 1), (1, 5), (6, 1), (7, 9), (80, 80))
HALVES = (torch.bfloat16, pytest.param(torch.float16, marks=needs_half))
NAMES = tuple(MECHANISMS)
WITH_VARIANT = [n for n in NAMES if "variant" in {p.name for p in MECHANISMS[n].parameters}]

every_mechanism = pytest.mark.parametrize("name", NAMES)


def make(name: str, channels: int = 16, **options: object) -> nn.Module:
    return reading_one(MECHANISMS[name], channels, **options)


def image(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A map with a mean, so that the gradient passes ReLUs and pooled means."""
    return torch.randn(shape, dtype=dtype) + 0.5


def randomised(layer: nn.Module) -> nn.Module:
    """Away from the initial values: gates at 0, norms at 1 hide what is behind them."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2 + 0.05)
    return layer


def all_finite(layer: nn.Module) -> bool:
    return all(bool(value.isfinite().all()) for value in layer.state_dict().values())


def difference(found: Tensor, wanted: Tensor) -> float:
    """Largest difference, relative to the largest value wanted."""
    scale = wanted.detach().double().abs().max().clamp_min(1e-12)
    return float((found.detach().double() - wanted.detach().double()).abs().max() / scale)


# --- what the registry says


@every_mechanism
def test_the_registry_reads_the_signature_that_python_sees(name: str) -> None:
    parameters = list(inspect.signature(MECHANISMS[name].load()).parameters.values())
    inputs = MECHANISMS[name].inputs
    channels, rest = parameters[:inputs], parameters[inputs:]
    assert [each.name for each in channels] == ["channels", "context_channels"][:inputs]
    assert all(each.default is inspect.Parameter.empty for each in channels)
    assert all(p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for p in rest)
    read = [(p.name, p.default, p.annotation) for p in MECHANISMS[name].parameters]
    assert read == [(p.name, p.default, p.annotation) for p in rest]


@every_mechanism
def test_the_registry_counts_the_parameters_that_are_there(name: str) -> None:
    each = MECHANISMS[name]
    with torch.device("meta"):
        layers = [each.load()(*[channels] * each.inputs) for channels in (256, 512, 1024)]
    counts = tuple(sum(p.numel() for p in layer.parameters()) for layer in layers)
    assert counts == each.parameters_added


@every_mechanism
def test_identity_init_adds_no_parameters(name: str) -> None:
    plain, identity = make(name), make(name, identity_init=True)
    assert [p.shape for p in plain.parameters()] == [p.shape for p in identity.parameters()]
    assert plain.state_dict().keys() == identity.state_dict().keys()


@pytest.mark.parametrize("file", sorted({each.file for each in MECHANISMS.values()}))
def test_a_mechanism_needs_torch_alone_and_no_device(file: str) -> None:
    tree = ast.parse((Path(modules.__file__).parent / f"{file}.py").read_text(encoding="utf-8"))
    imports = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imports |= {each.name for n in ast.walk(tree) if isinstance(n, ast.Import) for each in n.names}
    foreign = {name for name in imports if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name.split(".")[0] for name in foreign} <= {"torch", "yaml_attn"}
    assert {name for name in foreign if name.startswith("yaml")} <= {"yaml_attn.modules._parts"}
    # torch's ONNX exporter ends the process on `.data`, and cannot write a Function.
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert attributes.isdisjoint({"data", "cuda", "cpu", "Function"})


# --- shapes


@pytest.mark.parametrize("channels", CHANNELS)
@every_mechanism
def test_any_channel_count_works_or_is_refused_with_the_rule(name: str, channels: int) -> None:
    if channels in REFUSED.get(name, ()):
        with pytest.raises(ValueError, match=rf"\b{channels}\b.*(multiple|divisible|at least)"):
            make(name, channels)
        return
    x = image(2, channels, 4, 5)
    assert make(name, channels)(x).shape == x.shape


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@every_mechanism
def test_any_size_works_with_one_image_in_training(name: str, size: tuple[int, int]) -> None:
    layer = make(name).train()
    x = image(1, 16, *size).requires_grad_()
    y = layer(x)
    y.sum().backward()
    assert y.shape == x.shape
    assert y.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert all_finite(layer)
    assert layer.eval()(x).isfinite().all()


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
@pytest.mark.parametrize("size", [(1, 1), (8, 8)], ids=lambda size: f"{size[0]}x{size[1]}")
@every_mechanism
def test_a_constant_image_leaves_everything_finite(
    name: str, size: tuple[int, int], value: float
) -> None:
    layer = randomised(make(name)).train()
    x = torch.full((1, 16, *size), value, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert y.isfinite().all()
    assert all_finite(layer)
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in layer.parameters())
    assert layer.eval()(image(2, 16, *size)).isfinite().all()


@pytest.mark.parametrize("name", WITH_VARIANT)
def test_the_tutorial_s_form_survives_the_stride_probe(name: str) -> None:
    layer = make(name, variant="tutorial").train()
    layer(torch.zeros(1, 16, 8, 8))  # as YOLOv5 and YOLOv7 find their strides
    assert all_finite(layer)
    assert layer.eval()(image(2, 16, 6, 5)).isfinite().all()
    with pytest.raises(ValueError, match="'paper' or 'tutorial', not 'official'"):
        make(name, variant="official")


# --- dtypes, layouts, devices


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@every_mechanism
def test_half_precision_stays_near_single(name: str, dtype: torch.dtype) -> None:
    ordinary = (randomised(make(name)), image(2, 16, 9, 8))
    # The sum of squares of such a map is 1e5: float16 ends at 65504.
    large = (make(name), image(1, 16, 80, 80) * 4)
    for layer, x in (ordinary, large):
        found = copy.deepcopy(layer).eval().to(dtype)(x.to(dtype))
        assert found.dtype is dtype
        assert difference(found, layer.eval()(x)) < 0.03


@every_mechanism
def test_double_stays_double(name: str) -> None:
    assert make(name).double()(image(2, 16, 4, 5, dtype=torch.float64)).dtype is torch.float64


@pytest.mark.parametrize("dtype", HALVES, ids=str)
@every_mechanism
def test_autocast_trains(name: str, dtype: torch.dtype) -> None:
    layer = randomised(make(name)).train()
    for x in (image(2, 16, 8, 8), image(2, 16, 8, 8, dtype=dtype)):
        x.requires_grad_()
        with torch.autocast("cpu", dtype):
            y = layer(x)
        y.float().square().mean().backward()
        assert y.dtype in {x.dtype, dtype}  # a half input must not leave as float32
        assert y.isfinite().all()
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


@every_mechanism
def test_channels_last_in_gives_channels_last_out(name: str) -> None:
    layer = randomised(make(name)).eval()
    x = image(2, 16, 6, 5)
    wanted = layer(x)
    found = layer(x.to(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert difference(found, wanted) < 1e-5


@every_mechanism
def test_a_view_is_read_as_its_copy(name: str) -> None:
    layer = randomised(make(name)).eval()
    views = (
        image(2, 16, 5, 6).transpose(2, 3),
        image(2, 6, 5, 16).permute(0, 3, 1, 2)[:, :, 1:, ::2],
        image(2, 40, 6, 5)[:, 3:35:2],
        image(2, 16, 1, 1).expand(2, 16, 6, 5),
    )
    for view in views:
        assert difference(layer(view), layer(view.contiguous())) < 1e-5


@every_mechanism
def test_the_images_of_a_batch_do_not_mix(name: str) -> None:
    layer = randomised(make(name)).eval()
    x = image(3, 16, 6, 5)
    assert difference(layer(x), torch.cat([layer(one) for one in x.split(1)])) < 1e-5


@every_mechanism
def test_the_input_is_never_modified(name: str) -> None:
    x = image(2, 16, 6, 5)
    before = x.clone()
    make(name).train()(x)
    assert torch.equal(x, before)
    assert x._version == 0


@every_mechanism
def test_the_meta_device_gives_shapes(name: str) -> None:
    with torch.device("meta"):
        layer = make(name)
    assert all(tensor.is_meta for tensor in layer.state_dict().values())
    y = layer(torch.empty(2, 16, 6, 5, device="meta"))
    assert (y.shape, y.dtype, y.device.type) == ((2, 16, 6, 5), torch.float32, "meta")


# --- living inside a framework


@every_mechanism
def test_copies_give_the_same_output(name: str) -> None:
    layer = randomised(make(name)).eval()
    x = image(2, 16, 6, 5)
    loaded = make(name).eval()
    loaded.load_state_dict(layer.state_dict())
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), loaded):  # noqa: S301
        assert torch.equal(twin(x), layer(x))


@every_mechanism
def test_frameworks_may_hang_their_attributes_on_it(name: str) -> None:
    layer = make(name).eval()
    for module in layer.modules():
        own = {*vars(module), *module._parameters, *module._buffers, *module._modules}
        assert own.isdisjoint({"i", "f", "type", "np"})
    x = image(2, 16, 6, 5)
    wanted = layer(x)
    # YOLOv5's and Ultralytics' parse_model write these on the module of every row.
    row = getattr(layer, "layer", layer)
    row.i, row.f, row.type, row.np = 9, -1, f"models.common.{name}", 1234
    assert torch.equal(layer(x), wanted)


@every_mechanism
def test_every_optimizer_sees_every_parameter(name: str) -> None:
    # YOLOv5 up to 6.1 and YOLOv7 collect `weight` and `bias` of each submodule, and train no other.
    names = {key.rpartition(".")[2] for key, _ in make(name).named_parameters()}
    assert names <= {"weight", "bias"}


@every_mechanism
def test_nothing_is_printed(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    repr(make(name, identity_init=True)(image(1, 16, 4, 4)))
    assert capfd.readouterr() == ("", "")


# --- gradients


@every_mechanism
def test_the_gradient_reaches_every_parameter(name: str) -> None:
    layer = make(name)
    if name in ZERO_GATED:
        randomised(layer)
    for training in (True, False):
        layer.train(training).zero_grad()
        layer(image(4, 16, 6, 5).requires_grad_()).square().mean().backward()
        for key, parameter in layer.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
            # In training a bias before a batch norm has none: the norm takes it out again.
            assert training or parameter.grad.any(), key


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@every_mechanism
def test_the_gradient_is_that_of_finite_differences(name: str, training: bool) -> None:
    layer = randomised(make(name, 8)).double().train(training)
    keys = [key for key, _ in layer.named_parameters()]

    def output(x: Tensor, *values: Tensor) -> Tensor:
        torch.manual_seed(0)  # some draw in training
        state = {key: buffer.clone() for key, buffer in layer.named_buffers()}  # some remember
        state.update(zip(keys, values, strict=True))
        return torch.func.functional_call(layer, state, (x,))

    x = image(2, 8, 3, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(output, (x, *layer.parameters()), fast_mode=True)


# --- identity_init


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@every_mechanism
def test_identity_init_starts_as_the_identity(name: str, training: bool) -> None:
    layer = make(name, identity_init=True).train(training)
    x = image(2, 16, 9, 7)
    assert difference(layer(x), x) <= max(1e-6, IDENTITY_TOLERANCE.get(name, 0))


@every_mechanism
def test_the_catalog_says_when_a_mechanism_starts_as_the_identity(name: str) -> None:
    x = image(4, 16, 9, 7)
    plain, asked = (
        difference(make(name, identity_init=wanted).eval()(x), x) for wanted in (False, True)
    )
    starts = "always" if plain == 0 else "asked" if asked < 0.02 else "never"
    assert MECHANISMS[name].identity == starts


@every_mechanism
def test_identity_init_learns(name: str) -> None:
    layer = make(name, identity_init=True)
    if not list(layer.parameters()):
        return
    layer(image(4, 16, 6, 5)).square().mean().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in layer.parameters())
