"""Variants built with a checkout of the framework, several in one process before they are asked
for: to import a framework takes seconds, to build a network less.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from yaml_attn.ablation.study import Study
from yaml_attn.core.verify import sources
from yaml_attn.errors import BuildError, YamlAttnError

if TYPE_CHECKING:
    from yaml_attn.building.report import BuildReport
    from yaml_attn.core.config import Config
    from yaml_attn.frameworks.checkout.build import Request

AT_ONCE: Final = 10
"""Variants in one process: few enough that a study is seen to go on."""


class Ahead:
    """Reports of a checkout, by what was asked of it."""

    def __init__(self, repo: Path, study: Study, *, trust: bool = False) -> None:
        self._repo = repo
        self._trust = trust
        self._study = study
        self._answers: dict[Request, BuildReport | YamlAttnError] = {}

    def build(self, configs: Iterable[Config]) -> None:
        """Build what will be asked for.

        Raises:
            UsageError: the folder is no checkout of a framework that reads these configs.
        """
        from yaml_attn.frameworks.checkout.build import build_all  # noqa: PLC0415 (studies rarely)

        for dialect, group in groupby(configs, lambda each: each.dialect):
            asked = list(dict.fromkeys(map(self._request, group)))
            try:
                answers = build_all(self._repo, asked, dialect=dialect)
            except BuildError:
                # One of them took the process down: which, each by itself tells.
                continue
            self._answers.update(zip(asked, answers, strict=True))

    def report(self, config: Config) -> BuildReport:
        """What building a config gave, or gives now.

        Raises:
            UsageError, BuildError: as `Config.build`.
        """
        from yaml_attn.frameworks.checkout.build import build_all  # noqa: PLC0415 (studies rarely)

        asked = self._request(config)
        if asked in self._answers:
            answer = self._answers.pop(asked)
        else:
            [answer] = build_all(self._repo, [asked], dialect=config.dialect)
        if isinstance(answer, YamlAttnError):
            raise answer
        return answer

    def _request(self, config: Config) -> Request:
        from yaml_attn.frameworks.checkout.build import Request  # noqa: PLC0415 (studies rarely)

        return Request(
            config.text,
            config.name,
            config.scale,
            self._study.nc,
            self._study.imgsz,
            own=sources(config),
            trust=self._trust,
        )
