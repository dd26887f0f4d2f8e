"""Importing a framework: what is missing or broken, in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from yaml_attn.errors import UsageError, YamlAttnError
from yaml_attn.files import exists, real_path

_PACKAGES: Final[Mapping[str, str]] = {
    "IPython": "ipython",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "git": "gitpython",
    "pkg_resources": '"setuptools<81"',
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Module -> what pip calls the package, where that is another name."""


def full_path() -> list[str]:
    """Where this process looks for modules, as it is said from any folder."""
    return [str(real_path(each)) for each in sys.path]


@contextmanager
def importing(what: str, root: Path | None = None) -> Iterator[None]:
    """Errors of the imports inside the `with`, told to the user.

    Args:
        what: the framework, as people call it.
        root: its checkout, if it is one.

    Raises:
        UsageError: it needs a package that is not installed, a file of its own is missing, or it
            fails as it is imported.
    """
    try:
        yield
    except YamlAttnError:
        raise
    except ModuleNotFoundError as error:
        name = error.name or str(error)
        package = name.partition(".")[0]
        if root is not None and exists(root / package):
            file = f"{name.replace('.', '/')}.py"
            raise UsageError(f"{what} has no {file}, which it imports itself") from None
        raise UsageError(
            f"{what} needs {package}, which is not installed for this Python",
            hint=f"Install it beside yaml-attn: pip install {_PACKAGES.get(package, package)}",
        ) from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # it runs whatever it likes
        said = " ".join(str(error).split()) or "without a word"
        raise UsageError(
            f"{what} cannot be imported: {type(error).__name__}: {said}",
            hint="Does it run with this Python by itself?",
        ) from None
