"""What frameworks do to any layer that stands in a row, done to every mechanism.

Each test is one trap that published attention layers fall into; the frameworks' part is written
here in a few lines, as the sources of YOLOv5, YOLOv7, YOLOv9 and Ultralytics have it.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from two_inputs import reading_one

from yaml_attn.mechanisms.registry import MECHANISMS, Mechanism

CHECKPOINT = Path(__file__).parent / "data" / "checkpoint.pt"

every_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=lambda m: m.name)


def layer(mechanism: Mechanism, channels: int = 32, **options: object) -> nn.Module:
    """A layer away from its initial values, where a gate at zero would hide what is behind it."""
    torch.manual_seed(0)
    made = reading_one(mechanism, channels, **options)
    if not options:
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
    return made


def output(made: nn.Module, x: Tensor) -> Tensor:
    """Of a layer that may draw random numbers: the same ones each time."""
    torch.manual_seed(0)
    y: Tensor = made(x)
    return y


def image(channels: int = 32) -> Tensor:
    return torch.randn(2, channels, 12, 10, generator=torch.Generator().manual_seed(1)) + 0.3


@every_mechanism
def test_the_attributes_that_a_framework_sets_on_a_row_are_free(mechanism: Mechanism) -> None:
    made = layer(mechanism).eval()
    target = getattr(made, "layer", made)
    before = made(image())
    names = {name.split(".")[0] for name in target.state_dict()} | set(vars(target))
    assert not {"i", "f", "np", "type"} & names
    target.i, target.f, target.type, target.np = 7, [-1, 4], "models.common.X", 123  # type: ignore[assignment]
    assert torch.equal(made(image()), before)
    assert (
        target.state_dict().keys()
        == getattr(layer(mechanism), "layer", layer(mechanism)).state_dict().keys()
    )


@every_mechanism
def test_no_layer_is_one_that_fusing_would_rewrite(mechanism: Mechanism) -> None:
    # `fuse` gives each framework Conv (and its subclasses) another forward: ours must be none.
    for each in layer(mechanism).modules():
        bases = {base.__name__ for base in type(each).__mro__}
        assert not {"Conv", "DWConv", "RepConv", "ConvTranspose"} & bases
        assert not hasattr(each, "forward_fuse")


def initialize_weights(model: nn.Module) -> None:
    """What every YOLO does to all layers after building."""
    for each in model.modules():
        if type(each) is nn.BatchNorm2d:
            each.eps, each.momentum = 1e-3, 0.03
        elif type(each) in {nn.Hardswish, nn.LeakyReLU, nn.ReLU, nn.ReLU6, nn.SiLU}:
            each.inplace = True


@every_mechanism
def test_another_eps_of_batch_norm_changes_little_and_activations_in_place_nothing(
    mechanism: Mechanism,
) -> None:
    stock, ours = layer(mechanism).train(), layer(mechanism).train()
    initialize_weights(ours)
    for each, other in zip(stock.modules(), ours.modules(), strict=True):
        if type(each) is nn.BatchNorm2d:  # compared below with the eps alone changed
            each.eps, each.momentum = other.eps, other.momentum
    results = []
    for made in (stock, ours):
        x = image().requires_grad_()
        y = output(made, x)
        (y * y.detach().cos()).sum().backward()
        results.append((y.detach(), x.grad, [each.grad for each in made.parameters()]))
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=0)
    plain = output(layer(mechanism).train(), image())
    assert (results[1][0] - plain).abs().max() <= 0.05 * plain.abs().max()


@every_mechanism
@pytest.mark.parametrize("training", [True, False])
def test_identity_init_stays_the_identity_up_to_that_eps(
    mechanism: Mechanism, training: bool
) -> None:
    # Exactly in most; a batch norm on the way scales by 1 / sqrt(1 + 1e-3) instead of ... + 1e-5.
    stock, ours = (layer(mechanism, identity_init=True).train(training) for _ in range(2))
    initialize_weights(ours)
    before, after = ((output(each, image()) - image()).abs().max() for each in (stock, ours))
    assert after <= before + 1e-3 * image().abs().max()


@every_mechanism
def test_all_parameters_are_there_before_the_first_image(mechanism: Mechanism) -> None:
    # The optimiser, the average of weights and DDP take what the constructor made.
    made = layer(mechanism).train()
    before = [(name, value.shape) for name, value in made.state_dict().items()]
    optimised = {id(each) for each in made.parameters()}
    made(image())
    assert [(name, value.shape) for name, value in made.state_dict().items()] == before
    assert {id(each) for each in made.parameters()} == optimised


@every_mechanism
def test_the_black_image_of_the_stride_probe_leaves_no_trace_that_is_not_finite(
    mechanism: Mechanism,
) -> None:
    made = layer(mechanism).train()
    assert made(torch.zeros(1, 32, 8, 8)).isfinite().all()
    for name, value in made.state_dict().items():
        assert value.isfinite().all(), name
    assert made.eval()(image()).isfinite().all()
    copy.deepcopy(made)  # what the average of weights starts from


LOAD = """
import sys
import torch
saved = torch.load(sys.argv[1], weights_only=False)
with torch.no_grad():
    for name, (layer, x, y) in saved.items():
        assert torch.allclose(layer.eval()(x), y, atol=1e-6), name
print(*saved)
"""


def test_a_checkpoint_of_an_earlier_version_loads_in_a_process_that_imported_nothing() -> None:
    command = [sys.executable, "-c", LOAD, str(CHECKPOINT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["SE", "CBAM", "CoordAtt", "ECA", "SimAM"]


PROCESSES = """
import os, sys
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from yaml_attn.mechanisms.registry import MECHANISMS

rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
torch.manual_seed(rank)  # each would start elsewhere: DDP must make them one
rows = [each.load()(32) for each in MECHANISMS.values() if each.inputs == 1]
model = DistributedDataParallel(nn.Sequential(*rows))
optimiser = torch.optim.SGD(model.parameters(), 1e-4)
for step in range(2):
    optimiser.zero_grad()
    model(torch.randn(2, 32, 6, 6)).square().mean().backward()
    optimiser.step()
mine = torch.cat([each.detach().flatten() for each in model.parameters()])
both = [torch.empty_like(mine) for _ in range(2)]
dist.all_gather(both, mine)
assert mine.isfinite().all()
assert torch.equal(*both)
dist.barrier()
dist.destroy_process_group()
os._exit(0)  # gloo's threads may end the process by themselves while Python clears up
"""


def test_two_processes_train_all_mechanisms_in_step(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESSES, str(rank), str(tmp_path / "store")],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
