"""What compilers and exporters make of every mechanism equals the layer, at other sizes too."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable

import pytest
import torch
from abilities import DYNAMIC, LEGACY_EXPORT, needs_dynamic_sizes
from torch import Tensor, nn
from torch._dynamo.backends.registry import lookup_backend
from two_inputs import reading_one

from yaml_attn.modules import MECHANISMS

every_mechanism = pytest.mark.parametrize("name", MECHANISMS)
FIRST = (2, 16, 6, 5)
OTHERS = ((3, 16, 4, 9), (1, 16, 1, 1), (1, 16, 1, 7))


def make(name: str) -> nn.Module:
    """A layer away from its initial values: gates at 0 and norms at 1 hide what is behind them."""
    layer = reading_one(MECHANISMS[name], 16)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2 + 0.05)
    return layer.eval()


def assert_equal(found: Tensor | None, wanted: Tensor | None) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


@needs_dynamic_sizes
@every_mechanism
def test_torch_compile_gives_one_graph_for_all_sizes(name: str) -> None:
    torch.compiler.reset()
    layer = make(name).train()
    aot = lookup_backend("aot_eager")  # all of compile but the slow last step
    graphs = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., object]:
        graphs.append(graph)
        return aot(graph, inputs)

    compiled = torch.compile(copy.deepcopy(layer), fullgraph=True, backend=backend)
    for shape in (FIRST, (3, 16, 4, 9), (5, 16, 8, 8)):
        x, twin = torch.randn(2, *shape).unbind()
        twin.copy_(x)
        torch._dynamo.mark_dynamic(x, (0, 2, 3))  # compile fails if the code fixes one of them
        torch.manual_seed(0)  # some draw in training
        found = compiled(x.requires_grad_())
        torch.manual_seed(0)
        wanted = layer(twin.requires_grad_())
        found.square().mean().backward()
        wanted.square().mean().backward()
        assert_equal(found, wanted)
        assert_equal(x.grad, twin.grad)
    assert len(graphs) == 1


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@every_mechanism
def test_a_trace_is_right_at_other_sizes(name: str) -> None:
    layer = make(name)
    traced = torch.jit.trace(layer, torch.randn(FIRST))
    for shape in OTHERS:
        x = torch.randn(shape)
        assert_equal(traced(x), layer(x))


def torchscript_export(layer: nn.Module, file: io.BytesIO) -> None:
    """As YOLOv5's export.py does."""
    torch.onnx.export(
        layer,
        (torch.randn(FIRST),),
        file,
        opset_version=17,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes={"x": {0: "batch", 2: "height", 3: "width"}},
        **LEGACY_EXPORT,
    )


def dynamo_export(layer: nn.Module, file: io.BytesIO) -> None:
    """As current torch does by itself, in its own opset: asked for 17 it warns and gives 18."""
    shapes = ({0: DYNAMIC, 2: DYNAMIC, 3: DYNAMIC},)
    torch.onnx.export(
        layer,
        (torch.randn(FIRST),),
        dynamo=True,
        input_names=["x"],
        output_names=["y"],
        dynamic_shapes=shapes,
        verbose=False,
    ).save(file)


@pytest.mark.filterwarnings(
    "ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning",
    "ignore:The feature will be removed:DeprecationWarning",
    "ignore:.*LeafSpec:FutureWarning",
)
@pytest.mark.parametrize(
    "export",
    [
        pytest.param(torchscript_export, id="torchscript"),
        pytest.param(dynamo_export, id="dynamo", marks=needs_dynamic_sizes),
    ],
)
@every_mechanism
def test_onnx_is_right_at_other_sizes(
    name: str, export: Callable[[nn.Module, io.BytesIO], None]
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if not DYNAMIC and name in {"DANPosition", "S3TA", "XLinearAttention"}:
        pytest.skip("this torch's exporter stumbles over an operation of it")
    layer, file = make(name), io.BytesIO()
    export(layer, file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for shape in OTHERS:
        x = torch.randn(shape)
        (y,) = session.run(["y"], {"x": x.numpy()})
        assert_equal(torch.from_numpy(y), layer(x))
