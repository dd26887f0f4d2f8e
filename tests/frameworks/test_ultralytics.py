"""Registration in a stand-in for Ultralytics; the real one is run by test_ultralytics_real.py."""

from __future__ import annotations

import io
import pickle
import pickletools
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from frameworks.lookalikes import write_ultralytics
from own_class import OWN, write_own
from torch import nn

import yaml_attn
from yaml_attn.errors import BuildError, UntrustedError, UsageError
from yaml_attn.frameworks.runtime.loading import IN_MEMORY
from yaml_attn.mechanisms.custom import OwnMechanism, load_own
from yaml_attn.mechanisms.registry import MECHANISMS


def forget() -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == "ultralytics" or name == "yaml_attn.frameworks.ultralytics":
            del sys.modules[name]


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The stand-in's `ultralytics.nn.tasks`, where nothing is registered yet."""
    forget()
    write_ultralytics(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("ultralytics.nn.tasks")
    forget()


@pytest.fixture
def registered(tasks: ModuleType) -> ModuleType:
    yaml_attn.register_ultralytics()
    return tasks


def config(*rows: list[Any], width: float = 0.5) -> dict[str, Any]:
    backbone = [[-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [128, 3, 2]]]
    return {"width_multiple": width, "backbone": backbone, "head": [*rows]}


def test_without_it_the_name_is_unknown(tasks: ModuleType) -> None:
    with pytest.raises(KeyError, match="SE"):
        tasks.Model(config([-1, 1, "SE", [128]]))


@pytest.mark.parametrize("width", [0.25, 0.5, 1.0])
@pytest.mark.parametrize(
    "args", [[128], ["c2"], [], [128, 4], ["c2", 4]], ids=["nominal", "c2", "none", "own", "c2 own"]
)
def test_a_row_gets_the_channels_that_it_really_reads(
    registered: ModuleType, width: float, args: list[Any]
) -> None:
    model = registered.Model(config([-1, 1, "SE", args], width=width))
    assert type(model.model[2]) is MECHANISMS["SE"].load()
    assert model.model[2].fc1.in_channels == 128 * width
    assert model.yaml["head"] == [[-1, 1, "SE", args]]


@pytest.mark.parametrize("source", [0, -3])
def test_a_row_that_reads_another_layer_gets_that_ones_channels(
    registered: ModuleType, source: int
) -> None:
    rows = [[-1, 1, "nn.ReLU", []], [source + 0, 1, "SE", [64]]]
    if source == -3:
        rows = [[-1, 1, "nn.ReLU", []], [-3, 1, "SE", [64]]]
    model = registered.Model(config(*rows))
    assert model.model[3].fc1.in_channels == 32
    assert model.model[3].type == "yaml_attn.modules.se.SE"
    assert model(torch.zeros(1, 3, 16, 16)).shape == (1, 32, 8, 8)


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_builds_in_a_row_under_each_of_its_names(
    registered: ModuleType, name: str
) -> None:
    mechanism = MECHANISMS[name]
    source = -1 if mechanism.inputs == 1 else [-1, 0]
    for each in (name, *mechanism.aliases):
        channels = [128, 64][: mechanism.inputs]
        model = registered.Model(config([source, 1, each, channels]))
        assert type(model.model[2]) is mechanism.load()
    assert model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 64, 8, 8)


def test_strings_and_numbers_behind_the_channels_are_the_mechanisms_own(
    registered: ModuleType,
) -> None:
    model = registered.Model(config([-1, 1, "CBAM", [128, 4, 3, True, "tutorial"]]))
    made = model.model[2]
    assert (made.channel.fc1.out_channels, made.spatial.conv.kernel_size) == (16, (3, 3))
    assert made.spatial.tutorial


def test_a_row_repeated_is_that_many_layers(registered: ModuleType) -> None:
    model = registered.Model(config([-1, 2, "SE", [128]]))
    assert [type(each) for each in model.model[2]] == [MECHANISMS["SE"].load()] * 2


def test_a_row_with_too_many_inputs_is_refused_by_name(registered: ModuleType) -> None:
    with pytest.raises(BuildError, match=r"SE reads 1 layers, not \[-1, 0\]"):
        registered.Model(config([[-1, 0], 1, "SE", [128]]))


def test_a_mechanism_of_two_inputs_gets_the_channels_of_both(
    tasks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Two(nn.Module):
        def __init__(self, channels: int, context_channels: int, ratio: int = 16) -> None:
            super().__init__()
            self.said = (channels, context_channels, ratio)

        def forward(self, x: list[torch.Tensor]) -> torch.Tensor:
            return x[0]

    register = import_module("yaml_attn.frameworks.runtime.registration")
    register.unregister()

    class Described:
        inputs = 2
        aliases = ()

        def load(self) -> type[nn.Module]:
            return Two

    monkeypatch.setattr(register, "MECHANISMS", {"Two": Described()})
    register.register()
    model = tasks.Model(config([[-1, 0], 1, "Two", [128, 64, 4]], [-1, 1, "Conv", [64]]))
    assert model.model[2].said == (64, 32, 4)
    assert type(model.model[2].f) is list
    assert model.model[3].conv.in_channels == 64
    assert model(torch.zeros(1, 3, 16, 16)).shape == (1, 32, 4, 4)
    register.unregister()


def test_rows_that_are_not_ours_reach_the_parser_as_they_are(registered: ModuleType) -> None:
    rows = [[-1, 1, "nn.Upsample", ["None", 2, "nearest"]], [[-1, -1], 1, "Concat", [1]]]
    model = registered.Model(config(*rows))
    assert model(torch.zeros(1, 3, 16, 16)).shape == (1, 128, 8, 8)
    with pytest.raises(UntrustedError, match="no \\[from, number, module, args\\]"):
        registered.Model(config([-1, 1, "SE"]))
    with pytest.raises(KeyError, match="NoSuchLayer"):
        registered.Model(config([-1, 1, "NoSuchLayer", []]))


def test_a_name_that_the_parser_gives_a_meaning_stays_the_frameworks(
    tasks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = import_module("yaml_attn.frameworks.runtime.registration")
    register.unregister()
    own = tasks.PSA
    monkeypatch.setattr(register, "MECHANISMS", {**MECHANISMS, "PSA": MECHANISMS["SE"]})
    assert "PSA" not in register.register()
    assert type(tasks.Model(config([-1, 1, "PSA", [64]])).model[2]) is own
    register.unregister()


def test_a_name_that_is_only_imported_there_is_ours_until_unregistered(tasks: ModuleType) -> None:
    before = dict(vars(tasks))
    register = import_module("yaml_attn.frameworks.ultralytics")
    assert tasks.SpatialAttention is MECHANISMS["SpatialAttention"].load()
    register.unregister()
    assert {key: value for key, value in vars(tasks).items() if before.get(key) is not value} == {}
    assert set(vars(tasks)) == set(before)


def test_registering_twice_is_registering_once(registered: ModuleType) -> None:
    parse_model = registered.parse_model
    names = yaml_attn.register_ultralytics()
    assert set(names) == set(MECHANISMS)
    assert registered.parse_model is parse_model
    assert not hasattr(parse_model.__wrapped__, "__wrapped__")


def test_a_checkpoint_names_nothing_but_torch_the_framework_and_the_public_modules(
    registered: ModuleType,
) -> None:
    rows = [[-1, 1, name, [128]] for name, each in MECHANISMS.items() if each.inputs == 1]
    model = registered.Model(config(*rows, [0, 1, "SE", [64]]))
    file = io.BytesIO()
    torch.save(model, file)
    with zipfile.ZipFile(file) as archive:
        data = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    modules = {
        str(argument).split(" ", maxsplit=1)[0]
        for operation, argument, _ in pickletools.genops(data)
        if operation.name == "GLOBAL"
    }
    ours = {module for module in modules if module.startswith("yaml_attn")}
    assert "yaml_attn.modules.se" in ours
    public = {f"yaml_attn.modules.{each.file}" for each in MECHANISMS.values()}
    assert ours - public <= {"yaml_attn.modules._parts"}


@pytest.mark.usefixtures("registered")
def test_the_processes_that_ddp_starts_register_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = import_module("ultralytics.utils.dist")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for generate, code in ((dist.generate_ddp_file, 0), (dist.generate_ddp_file.__wrapped__, 1)):
        command = [sys.executable, generate(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout) == (
            code,
            "" if code else "yaml_attn.modules.se\n",
        )


def test_a_class_of_the_users_is_known_by_its_row_here_and_in_the_processes_of_ddp(
    tasks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(vars(tasks))
    ours = import_module("yaml_attn.frameworks.ultralytics")
    write_own(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert ours.register("mine.py:Mine")[-1] == "Mine"
    rows = [[-1, 1, "Mine", [128]], [0, 1, "Mine", [64, 2.0]]]
    model = tasks.Model(config(*rows))
    assert [layer.gate.conv.in_channels for layer in model.model[2:]] == [64, 32]
    assert [layer.scale for layer in model.model[2:]] == [1.0, 2.0]
    assert model.model[2].type.startswith("yaml_attn_own_mine")
    base = [module for at, module in enumerate(model.model) if at < 2]
    state = {
        f"model.{at}.{k}": v + 1 for at, m in enumerate(base) for k, v in m.state_dict().items()
    }
    assert ours.load_pretrained(model, state).count("transferred") == len(state)

    write_own(tmp_path, text=OWN.replace("= 1.0", "= 3.0"))  # its present text
    ours.register("mine.py:Mine")
    assert tasks.Model(config(*rows)).model[2].scale == 3.0
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    script = Path(import_module("ultralytics.utils.dist").generate_ddp_file(tmp_path))
    lines = "import yaml_attn_own_mine\nprint(tasks.Mine(8).scale)\n"
    script.write_text(script.read_text() + lines)
    command = [sys.executable, str(script)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert result.stdout.splitlines()[-1:] == ["3.0"], result.stderr
    ours.unregister()
    assert dict(vars(tasks)) == before


@pytest.mark.usefixtures("registered")
def test_a_class_of_the_users_hides_no_name_of_the_frameworks(
    tasks: ModuleType, tmp_path: Path
) -> None:
    tasks.Theirs = nn.Identity
    (tmp_path / "mine.py").write_text(OWN.replace("Mine", "Theirs"))
    with pytest.raises(UsageError, match="Ultralytics has a Theirs itself"):
        yaml_attn.register_ultralytics(f"{tmp_path / 'mine.py'}:Theirs")


def test_what_a_package_offers_is_known_without_being_named(
    registered: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_own(tmp_path)
    offered = (OwnMechanism("Offered", source, "package"),)
    monkeypatch.setattr("yaml_attn.mechanisms.custom.entry_point_mechanisms", lambda: offered)
    model = registered.Model(config([-1, 1, "Offered", [128]]))
    assert model.model[2].gate.conv.in_channels == 64


@pytest.mark.usefixtures("registered")
def test_a_checkpoint_whose_class_nobody_named_says_so() -> None:
    with pytest.raises(UsageError, match=r"the checkpoint needs a class of gone\.py") as caught:
        pickle.loads(b"cyaml_attn_own_gone\nGate\n.")  # noqa: S301
    assert "--own ./gone.py:CLASS" in (caught.value.hint or "")


@pytest.mark.usefixtures("registered")
def test_a_checkpoint_of_another_text_is_read_with_the_present_one(tmp_path: Path) -> None:
    cls = load_own(write_own(tmp_path, "other_text.py")).load()
    pickled = b"cyaml_attn_own_other_text_0123456789ab\nMine\n."
    assert pickle.loads(pickled) is cls  # noqa: S301


class Absent:
    """Finds no Ultralytics, whether or not it is installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "ultralytics":
            raise ModuleNotFoundError(name=name)


def test_without_ultralytics_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(UsageError, match="pip install ultralytics"):
        yaml_attn.register_ultralytics()


def test_a_config_that_would_run_something_is_refused_until_it_is_trusted(
    tasks: ModuleType,
) -> None:
    register = import_module("yaml_attn.frameworks.runtime.registration")

    def loads() -> Any:
        return tasks.Concat()

    vars(tasks)["loads"] = loads
    hostile = {**config([-1, 1, "loads", []]), "yaml_file": "hostile.yaml"}
    register.register()
    with pytest.raises(UntrustedError) as caught:
        tasks.Model(hostile)
    assert (caught.value.layer, caught.value.path) == (2, "hostile.yaml")
    with register.registered({}, trust=True):
        tasks.parse_model(hostile, 3)
    with pytest.raises(UntrustedError):
        tasks.Model(hostile)
    register.register(trust=True)
    tasks.parse_model(hostile, 3)
    with register.registered({}), pytest.raises(UntrustedError):  # what is asked for counts
        tasks.parse_model(hostile, 3)
    tasks.parse_model(hostile, 3)
    register.unregister()
    register.register()
    with pytest.raises(UntrustedError):
        tasks.Model(hostile)


@pytest.mark.usefixtures("registered")
def test_processes_that_would_begin_without_the_weights_are_refused(tmp_path: Path) -> None:
    # Up to 8.3 they get words alone; later ones say `trainer.model = ...` in their script.
    dist = import_module("ultralytics.utils.dist")
    loaded = nn.Linear(1, 1)
    IN_MEMORY[loaded] = True

    class Trainer:
        """With a network as a trainer has it, in the folder that the stand-in takes for one."""

        model = loaded

        def __fspath__(self) -> str:
            return str(tmp_path)

    with pytest.raises(UsageError, match="without the weights that were loaded"):
        dist.generate_ddp_file(Trainer())
    assert not list(tmp_path.glob("*.py"))


@pytest.mark.usefixtures("registered")
def test_other_processes_trust_what_this_one_does(tmp_path: Path) -> None:
    register = import_module("yaml_attn.frameworks.runtime.registration")
    dist = import_module("ultralytics.utils.dist")
    assert "trust" not in Path(dist.generate_ddp_file(tmp_path)).read_text()
    register.register(trust=True)
    assert "register(trust=True)\n" in Path(dist.generate_ddp_file(tmp_path)).read_text()
