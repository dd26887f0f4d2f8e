"""A report from memory is the report of the whole network, and what fails there fails here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import facts
import pytest
import torch
from building.small import ROWS, SETTINGS, with_row
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from yaml_attn import Config, Insert, blocks, load
from yaml_attn.building import cache
from yaml_attn.building.bundled import build, inspect
from yaml_attn.building.cache import Memo
from yaml_attn.building.report import BuildReport
from yaml_attn.dialects import find as find_dialect
from yaml_attn.errors import ConfigError, PlaceError, UsageError
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find
from yaml_attn.modules import MECHANISMS

YOLOV5 = find_dialect("yolov5")
SHARED = Memo()
"""As a study uses one: what it learned of one network serves the next."""


def whole(network: Network, settings: dict[str, Any], **options: Any) -> BuildReport:
    """The report without a memory."""
    imgsz = options.pop("imgsz", 640)
    return inspect(build(network, settings, init=False, **options), imgsz, flops=True)


def read(rows: list[list[Any]]) -> Network:
    return Network.read({"backbone": rows})


def outcome(report: Callable[[], BuildReport]) -> Any:
    """The report, or what the error says."""
    try:
        return report()
    except ConfigError as error:
        return type(error), error.message, error.layer, error.hint


def assert_alike(rows: list[list[Any]], memo: Memo = SHARED, **options: Any) -> Any:
    """Both give the same report or the same error, which is returned."""
    named = {**SETTINGS, **options.pop("settings", {})}
    expected = outcome(lambda: whole(read(rows), named, **options))
    found = outcome(lambda: memo.report(read(rows), named, dialect=YOLOV5, **options))
    assert found == expected
    return found


@pytest.fixture
def constructed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Index and module of the layers that are constructed from here on."""
    made: list[tuple[int, str]] = []
    construct = cache.construct

    def counting(layer: Any, *rest: Any) -> nn.Module:
        made.append((layer.index, layer.module))
        return construct(layer, *rest)

    monkeypatch.setattr(cache, "construct", counting)
    return made


@pytest.fixture
def never_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, no network is built as a whole by a memory that is not sure of itself."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("this network was built as a whole")

    monkeypatch.setattr(cache, "build", refuse)


@pytest.mark.usefixtures("never_whole")
@pytest.mark.parametrize(
    ("framework", "name"),
    [(framework, name) for framework in blocks.BLOCKS for name in facts.models(framework)],
)
def test_a_framework_s_own_network_has_the_same_report(framework: str, name: str) -> None:
    network, named = facts.network(framework, name), facts.settings(framework, name)
    dialect = find_dialect(framework)
    report = SHARED.report(network, named, dialect=dialect)
    assert report == whole(network, named, dialect=dialect)
    assert report.parameters == facts.models(framework)[name]["parameters"]


@pytest.mark.parametrize("name", [each.name for each in MECHANISMS.values() if each.inputs == 1])
def test_every_mechanism_alone_and_inside_and_behind_a_block(name: str) -> None:
    base = load("yolov5n.yaml").insert(name, after="SPPF").replace("head.C3[0]", f"C3[{name}]")
    config = base.replace("head.C3[0]", f"C3+{name}")
    assert config.build(imgsz=128, memo=SHARED) == config.build(imgsz=128)


@pytest.mark.parametrize("name", [each.name for each in MECHANISMS.values() if each.inputs == 2])
def test_every_mechanism_of_two_inputs(name: str) -> None:
    config = load("yolov5n.yaml").insert(name, inputs=(13, 4))
    assert config.build(imgsz=128, memo=SHARED) == config.build(imgsz=128)


CHEAP = ["SE", "CBAM", "ECA", "CoordAtt", "SimAM", "NAMAttention", "ShuffleAttention"]


@st.composite
def variants(draw: st.DrawFn) -> Config:
    """A config with attention at some places, a block exchanged perhaps."""
    config = load(f"{draw(st.sampled_from(['yolov5n', 'yolov5n6']))}.yaml")
    for name in draw(st.lists(st.sampled_from(CHEAP), min_size=1, max_size=3)):
        places = st.integers(0, len(config.network) - 2)
        chosen = draw(st.lists(places, min_size=1, max_size=3, unique=True))
        try:
            config = config.edit(Insert(name, after=",".join(map(str, chosen))))
        except PlaceError:  # nobody reads one of them
            continue
    if draw(st.booleans()):
        config = config.replace("head.C3[*]", f"C3[{draw(st.sampled_from(CHEAP))}]")
    return config


@settings(max_examples=25, deadline=None)
@given(variants(), st.sampled_from([64, 128, 192]), st.sampled_from([None, 3]))
def test_any_variant_has_the_report_of_the_whole_network(
    config: Config, imgsz: int, nc: int | None
) -> None:
    def report(memo: Memo | None) -> Any:
        return outcome(lambda: config.build(imgsz=imgsz, nc=nc, memo=memo))

    assert report(SHARED) == report(None)


@pytest.mark.parametrize(
    ("at", "row"),
    [
        pytest.param(5, [[-1, 0], 1, "Concat", [1]], id="maps of different sizes"),
        pytest.param(7, [[6, 2], 1, "Detect", ["nc", "anchors"]], id="strides out of order"),
        pytest.param(3, [-1, 1, "SPPF", [64, 5, 3]], id="too many arguments"),
        pytest.param(3, [-1, 1, "Conv", [64, 3, 2, None, 5]], id="impossible groups"),
        pytest.param(3, [-1, 1, "Conv", [64, 3.0, 2]], id="3.0 is no kernel size"),
        pytest.param(3, [-1, 1, "nn.Conv2d", [99, 64, 1]], id="other channels than it reads"),
        pytest.param(3, [-1, 1, "nn.Conv2d", [32, 48, 3, 2, 1]], id="other channels than recorded"),
        pytest.param(3, [-1, 1, "SE", [64, 0]], id="a mechanism refuses its parameter"),
        pytest.param(3, [-1, 1, "S3", [64]], id="no such module"),
        pytest.param(3, [-1, 1, "nn.Conv2d", [32, 64, 300]], id="a kernel larger than the map"),
    ],
)
def test_what_fails_in_the_whole_network_fails_here(at: int, row: list[Any]) -> None:
    assert isinstance(assert_alike(with_row(at, row)), tuple)


def test_a_row_behind_the_head_fails_as_in_the_whole_network() -> None:
    assert isinstance(assert_alike([*ROWS, [-1, 1, "SE", [64]]]), tuple)


def test_a_size_that_the_strides_do_not_divide_fails_as_in_the_whole_network() -> None:
    assert isinstance(assert_alike(ROWS, imgsz=100), tuple)


@pytest.mark.usefixtures("never_whole")
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([*ROWS[:4], [-1, 1, "nn.ZeroPad2d", [1]]], id="padded"),
        pytest.param([*ROWS[:4], [-1, 1, "nn.ReflectionPad2d", [9]]], id="padded by more than 8"),
        pytest.param([*ROWS[:4], [-1, 1, "nn.Conv2d", [64, 64, 3, 2]]], id="an odd size"),
        pytest.param([*ROWS[:4], [-1, 1, "C3TR", [64]]], id="all pixels attend to all"),
        pytest.param([*ROWS[:4], [-1, 1, "Classify", [64, 5]]], id="no map at all"),
        pytest.param(with_row(7, [[3, 6], 1, "Detect", ["nc", "anchors"]]), id="coarse to fine"),
        pytest.param(with_row(2, [-1, 3, "Bottleneck", [32]]), id="copies"),
    ],
)
def test_a_network_that_is_not_the_usual_has_the_same_report(rows: list[list[Any]]) -> None:
    assert isinstance(assert_alike(rows), BuildReport)


@pytest.mark.usefixtures("never_whole")
def test_an_activation_with_parameters_is_counted_once() -> None:
    report = assert_alike(ROWS, settings={"activation": "nn.PReLU()"})
    assert report.parameters < sum(layer.parameters for layer in report.layers)
    assert report.parameters == assert_alike(ROWS).parameters + 1


def test_an_activation_that_cannot_be_made_is_the_config_s_error() -> None:
    assert isinstance(assert_alike(ROWS, settings={"activation": "nn.SiLU(slope=1)"}), tuple)


@pytest.mark.usefixtures("never_whole")
def test_the_channels_of_the_image_count() -> None:
    report = assert_alike(ROWS, settings={"ch": 1})
    assert report.layers[0].parameters < assert_alike(ROWS).layers[0].parameters


def test_a_dialect_whose_layers_are_not_bundled_is_refused() -> None:
    with pytest.raises(UsageError, match="not bundled"):
        Memo().report(read(ROWS), SETTINGS, dialect=find_dialect("yolov9"))


def test_a_layer_is_constructed_once(constructed: list[tuple[int, str]]) -> None:
    memo = Memo()
    assert_alike(ROWS, memo)
    assert constructed == [(at, row[2]) for at, row in enumerate(ROWS)]
    constructed.clear()
    report = assert_alike([*ROWS[:2], [-1, 1, "ECA", [32]], *_moved(ROWS[2:])], memo)
    assert constructed == [(2, "ECA")]
    assert [layer.index for layer in report.layers] == list(range(len(ROWS) + 1))


def _moved(rows: list[list[Any]]) -> list[list[Any]]:
    return [
        [[at if at < 2 else at + 1 for at in source] if isinstance(source, list) else source, *rest]
        for source, *rest in rows
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param([-1, 1, "C3", [32]], [-1, 1, "C3x", [32]], id="module"),
        pytest.param([-1, 1, "Bottleneck", [32]], [-1, 2, "Bottleneck", [32]], id="copies"),
        pytest.param([-1, 1, "Conv", [32, 3]], [-1, 1, "Conv", [32, 5]], id="arguments"),
        pytest.param(
            [-1, 1, "Conv", [32, 1, 1, 0, 1, 1, 1]],
            [-1, 1, "Conv", [32, 1, 1, 0, 1, 1, True]],
            id="1 and True",
        ),
    ],
)
def test_layers_that_differ_are_not_taken_for_one_another(
    constructed: list[tuple[int, str]], one: list[Any], other: list[Any]
) -> None:
    memo = Memo()
    for row in (one, other, one, other):
        assert_alike(with_row(2, row), memo)
    assert [module for at, module in constructed if at == 2] == [one[2], other[2]]


def test_an_argument_that_only_looks_the_same_fails() -> None:
    memo = Memo()
    assert isinstance(
        assert_alike(with_row(2, [-1, 1, "Conv", [32, 1, 1, 0, 1]]), memo), BuildReport
    )
    assert isinstance(assert_alike(with_row(2, [-1, 1, "Conv", [32, 1, 1, 0, True]]), memo), tuple)


def test_numbers_are_all_that_is_kept() -> None:
    memo = Memo()
    memo.report(read(ROWS), SETTINGS, dialect=YOLOV5)
    kept = [list(memo._facts.values())]
    while kept:
        value = kept.pop()
        if isinstance(value, list | tuple):
            kept.extend(value)
        else:
            assert value is None or type(value) is int


class Turned(nn.Module):
    """Gives a map that lies in memory the other way round."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return x.mT.contiguous().mT


class Viewing(Turned):
    """Fails on a map that does not lie in memory as usual."""

    def forward(self, x: Tensor) -> Tensor:
        return x.view(1, self.channels, -1).view_as(x)


class Doubling(Turned):
    """Gives two images for one."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x])


class Exact(Turned):
    """Gives values of another precision."""

    def forward(self, x: Tensor) -> Tensor:
        return x.double()


class Halved(nn.Module):
    """Its weights are of half precision, which no layer of the network is."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, bias=False).half()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


class _Own:
    """What a lookup gives of a class of the user's."""

    inputs = 1

    def __init__(self, cls: type[nn.Module]) -> None:
        self.cls = cls
        self.name = cls.__name__

    def load(self) -> type[nn.Module]:
        return self.cls


def looking_up(**own: type[nn.Module]) -> Callable[[str], Any]:
    return lambda name: _Own(own[name]) if name in own else find(name)


OWN = looking_up(**{each.__name__: each for each in (Turned, Viewing, Doubling, Exact, Halved)})


@pytest.mark.parametrize("name", ["Turned", "Viewing", "Doubling", "Exact", "Halved"])
@pytest.mark.parametrize("then", ["Viewing", "SE", "Turned"])
def test_what_a_users_class_does_to_the_next_layer_shows(name: str, then: str) -> None:
    rows = [*ROWS[:2], [-1, 1, name, [32]], [-1, 1, then, [32]], [-1, 1, "Conv", [8]]]
    assert_alike(rows, mechanism=OWN)


def test_classes_of_one_name_are_not_taken_for_one_another() -> None:
    rows = [*ROWS[:2], [-1, 1, "Turned", [32]], [-1, 1, "Viewing", [32]], [-1, 1, "Conv", [8]]]
    same = looking_up(Turned=nn.Identity, Viewing=Viewing)
    memo = Memo()
    assert isinstance(assert_alike(rows, memo, mechanism=same), BuildReport)
    assert isinstance(assert_alike(rows, memo, mechanism=OWN), tuple)
