"""Making the mechanisms known to a real framework: at run time, or as files in a checkout."""

from __future__ import annotations


def register_ultralytics(*own: str, trust: bool = False) -> tuple[str, ...]:
    """Make the mechanisms usable by name in every YAML that Ultralytics builds.

    The same as `import yaml_attn.frameworks.ultralytics`; doing it twice is doing it once. A name
    that Ultralytics' own parser gives a meaning stays Ultralytics'. A config that would run code as
    it is built is refused from here on.

    Args:
        own: classes of yours that rows name too, each as `FILE.py:CLASS` or `PACKAGE.MODULE:CLASS`.
        trust: let every config run what it says.

    Returns:
        The registered names; their aliases work in rows too.

    Raises:
        UsageError: Ultralytics is not installed, or there is no such class.
    """
    from yaml_attn.frameworks.ultralytics import register  # noqa: PLC0415 (it imports Ultralytics)

    return register(*own, trust=trust)
