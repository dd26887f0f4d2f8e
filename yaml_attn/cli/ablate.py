"""`yaml-attn ablate`: every config of an ablation study, its manifest and its tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yaml_attn.cli import options
from yaml_attn.errors import UsageError

if TYPE_CHECKING:
    from yaml_attn.ablation import Study

CI = "In CI"

_COMMAS = re.compile(r"(?:inputs [^,+]+,|[^,])+")  # `inputs 8,4` is one place
_DEFAULT_FOLDER = Path("ablation")


def ablate(
    study: Annotated[
        Path | None,
        typer.Argument(
            metavar="[STUDY]",
            help="A study file; an option below takes the place of its key there.",
        ),
    ] = None,
    *,
    base: Annotated[
        list[str] | None,
        typer.Option(
            "--base",
            "-b",
            metavar="FILE",
            help="A config to start from, or a template's name; repeatable.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    modules: Annotated[
        list[str] | None,
        typer.Option(
            "--modules",
            "--module",
            "-m",
            metavar="NAME,...",
            help="The attention mechanisms to compare, e.g. SE,CBAM; SE+CBAM is both, one behind "
            "the other; repeatable.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    own: options.Own = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="PLACE,...",
            help="Where; a comma separates configs, + joins places of one: P3,P4 is two configs, "
            "P3+P4 one. P3, stages, 'before SPPF', 'edge 4:16', 'each backbone.C3'.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    up_to: Annotated[
        int | None,
        typer.Option(
            "--up-to",
            metavar="N",
            min=1,
            help="Every choice of up to so many of the places, too.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    replace: Annotated[
        list[str] | None,
        typer.Option(
            "--replace",
            metavar="PLACE->BLOCK,...",
            help="Blocks to replace, M standing for each module: 'C3->C3[M]'.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    scales: Annotated[
        list[str] | None,
        typer.Option(
            "--scales",
            metavar="NAME,...",
            help="Scales of an Ultralytics config: n,s, or all.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    consumers: Annotated[
        str | None,
        typer.Option(
            "--consumers",
            metavar="all|next|detect|PLACE",
            help="Which readers of the layers read the attention instead; all unless given.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    channels: Annotated[
        options.ChannelArgument | None,
        typer.Option(
            "--channels",
            metavar="nominal|c2",
            help="First argument of the rows: nominal unless given.",
            rich_help_panel=options.ROW,
        ),
    ] = None,
    identity_init: Annotated[
        bool | None,
        typer.Option(
            "--identity-init/--no-identity-init",
            help="Start all that can as the identity, so that a pretrained network is undisturbed "
            "at step 0, and a study from pretrained weights compares attention alone.",
            rich_help_panel=options.ROW,
        ),
    ] = None,
    max_variants: Annotated[
        int | None,
        typer.Option(
            "--max-variants",
            metavar="N",
            min=1,
            help="Refuse a study of more, before one is made; 10000 unless given.",
            rich_help_panel=options.CHECK,
        ),
    ] = None,
    dialect: options.Dialect = None,
    builder: Annotated[
        str | None,
        typer.Option(
            "--builder",
            metavar="bundled|ultralytics",
            help="What to build Ultralytics configs with: the new layers alone, the rest being "
            "n/a, or the installed package, whole; unless given, the package if it is installed. "
            "The manifest says which, and its version.",
            rich_help_panel=options.CHECK,
        ),
    ] = None,
    repo: options.Repo = None,
    imgsz: Annotated[
        int | None,
        typer.Option(
            "--imgsz",
            min=1,
            metavar="PIXELS",
            help="Image size that FLOPs are given for; 640 unless given.",
            rich_help_panel=options.CHECK,
        ),
    ] = None,
    nc: options.Classes = None,
    trust: options.Trust = False,
    no_build: Annotated[
        bool,
        typer.Option(
            "--no-build",
            help="Build nothing; the wiring of each config is proved all the same.",
            rich_help_panel=options.CHECK,
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit with 1 if one of the configs cannot be.",
            rich_help_panel=options.CHECK,
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Where to; named like the study, beside it, unless given, or ablation/.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove what the study made earlier and does not give now.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            "-f",
            help="Replace files in the way that were changed, or made by somebody else.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing; exit with 1 if the folder is not what the study gives.",
            rich_help_panel=CI,
        ),
    ] = False,
    github_matrix: Annotated[
        bool,
        typer.Option(
            "--github-matrix",
            help="Print a job matrix with a job for each config, in one line, and set the step's "
            "output `matrix` to it.",
            rich_help_panel=CI,
        ),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard", metavar="K/N", help="This part of the study alone.", rich_help_panel=CI
        ),
    ] = None,
) -> None:
    """Make every config of an ablation study: modules x places, on each base.

    Each is proved and built; one that cannot be is listed with its reason. A second run writes
    only what changed, and never over a file that it has not made.

    A study file is YAML, and says more: grids of parameters, blocks, patterns to leave out. It
    needs `bases`, and `modules` with `places`, or `replace`; options take the place of its keys:

    Example:
        bases: [yolov5s.yaml]
        modules: {SE: {ratio: [8, 16]}, CBAM: {}}
        places: [P3, before SPPF, P3+P4+P5]
        replace: {backbone.C3: C3+M}
        exclude: ["*_SE-ratio8_P3"]

    Examples:
        yaml-attn ablate study.yaml
        yaml-attn ablate -b yolov5s.yaml -m SE,CBAM --at 'P3,before SPPF'
        yaml-attn ablate -b yolov5s.yaml -m ECA --at P3,P4,P5 --up-to 2 --dry-run
    """
    from yaml_attn.ablation import Folder, Shard, run  # noqa: PLC0415
    from yaml_attn.ablation.shard import read_shard  # noqa: PLC0415
    from yaml_attn.cli.ablating import OutputOptions, finish, watch  # noqa: PLC0415

    wanted = OutputOptions(prune, dry_run, quiet, json, check, github_matrix, strict)
    wanted.check_options(force=force)
    given = {
        "bases": ("--base", base),
        "own": ("--own", own),
        "modules": ("--modules", _list(modules)),
        "places": ("--at", _places(at, up_to)),
        "replace": ("--replace", _list(replace)),
        "scales": ("--scales", _list(scales)),
        "consumers": ("--consumers", consumers and options.places(consumers)),
        "channels": ("--channels", channels and channels.value),
        "identity_init": ("--identity-init", identity_init),
        "max_variants": ("--max-variants", max_variants),
        "dialect": ("--dialect", dialect),
        "builder": ("--builder", builder),
        "imgsz": ("--imgsz", imgsz),
        "nc": ("--nc", nc),
    }
    said = {key: pair for key, pair in given.items() if pair[1] is not None}
    asked = _study(study, said, run_own=not no_build)
    part = read_shard(shard) if shard else Shard()
    with watch(quiet=quiet) as progress:
        result = run(
            asked, build=not no_build, repo=repo, trust=trust, shard=part, progress=progress
        )
    target = output or (study.with_suffix("") if study else _DEFAULT_FOLDER)
    finish(Folder(target, result, force=force), wanted)


def _study(path: Path | None, given: dict[str, tuple[str, Any]], *, run_own: bool) -> Study:
    """The study of a file, with options in the place of its keys, or of the options alone."""
    from yaml_attn.ablation import load_study, study_of  # noqa: PLC0415
    from yaml_attn.ablation.fields import Field  # noqa: PLC0415

    fields = {key: Field(option, value) for key, (option, value) in given.items()}
    if path is not None:
        return load_study(path, instead=fields, run_own=run_own)
    if "bases" not in given or not (given.keys() >= {"modules", "places"} or "replace" in given):
        raise UsageError(
            "say what to study: a file, or --base with --modules and --at, or with --replace",
            hint="E.g. yaml-attn ablate --base yolov5s.yaml --modules SE,CBAM --at P3,P4",
        )
    return study_of(fields, Field("", None), run_own=run_own)


def _list(texts: list[str] | None) -> list[str] | None:
    """What an option names, given once with commas or several times."""
    if not texts:
        return None
    return [name for text in texts for each in text.split(",") if (name := each.strip())]


def _places(texts: list[str] | None, up_to: int | None) -> Any:
    """The value of `places` that `--at` and `--up-to` mean."""
    if not texts:
        if up_to is not None:
            raise UsageError("--up-to is of the places that --at names")
        return None
    places = [each.strip() for text in texts for each in _COMMAS.findall(text)]
    return places if up_to is None else {"subsets": places, "up_to": up_to}
