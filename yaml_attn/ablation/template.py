"""What variants are called: a template of base, module and place, each in letters for file names.

SE {ratio: 8}          SE-ratio8          P3,P4            P3-P4
C3[SE], C3+SE          C3-SE, C3-then-SE  before SPPF      before-SPPF
SE+CBAM                SE-then-CBAM
identity_init: true    SE-identity_init   C3[-1], C3[*]    C3-last, C3-all
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from yaml_attn.ablation.fields import Field

FIELDS: Final = ("base", "module", "place")

LONGEST: Final = 120
"""Characters of a name; Windows has 255 for the file name, and 260 for the whole path."""

BASELINE: Final = "baseline"
"""What stands for the module in the name of a base itself."""

_FIELD: Final = re.compile(r"\{(\w*)\}")
# Beside what Windows refuses: blanks, which scripts trip over, and the brackets of shell patterns.
_AWKWARD: Final = re.compile(r"""[\s<>:"/\\|?*\[\]{}()'`$&;,!#%=+~^@\x00-\x1f\x7f]+""")
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


@dataclass(frozen=True, slots=True)
class Template:
    """A name with `{base}`, `{module}` and `{place}` in it; `field` is None for the default."""

    text: str
    field: Field | None = None

    def fill(self, base: str, module: str, place: str) -> str:
        """The name of a variant, without `.yaml`; an empty place leaves no separators behind."""
        parts = {"base": base, "module": module, "place": place}
        name = _FIELD.sub(lambda found: parts[found[1]] or "\0", self.text)
        name = re.sub(r"[-_.]*\0", "", name).strip("-_. ")
        name = unicodedata.normalize("NFC", _AWKWARD.sub("-", name)).strip("-_. ")
        if len(name) > LONGEST:
            digest = hashlib.sha256(name.encode()).hexdigest()[:8]
            name = f"{name[: LONGEST - 9]}-{digest}"
        return f"{name}-" if _RESERVED.fullmatch(name) else name


DEFAULT: Final = Template("{base}_{module}_{place}")


def read_template(field: Field) -> Template:
    """What `name` says.

    Raises:
        UsageError: it has a field that is none of `FIELDS`, or none at all.
    """
    text = field.text()
    for name in _FIELD.findall(text):
        if name not in FIELDS:
            known = ", ".join(f"{{{each}}}" for each in FIELDS)
            raise field.wrong(f"there is no {{{name}}}", f"There are {known}.")
    if not _FIELD.search(text):
        raise field.wrong("every variant would have the same name", f"E.g. {DEFAULT.text}.")
    return Template(text.removesuffix(".yaml"), field)


def spell_module(name: str, parameters: Mapping[str, Any]) -> str:
    """A mechanism with its parameters, or a block with attention."""
    return "-then-".join(_one_module(each, parameters) for each in name.split("+"))


def _one_module(name: str, parameters: Mapping[str, Any]) -> str:
    # Of a class of a library, torchvision.ops.SqueezeExcitation, the name alone.
    inside = re.sub(r"\[(\w+)\]", r"-\1", name.rpartition(".")[2])
    # Of several in a row, each has its parameters behind its own name.
    own = {
        key.removeprefix(f"{name}."): value
        for key, value in parameters.items()
        if "." not in key or key.rpartition(".")[0] == name
    }
    return "-".join([inside, *(map(_parameter, own.items()))])


def _parameter(item: tuple[str, Any]) -> str:
    name, value = item
    if isinstance(value, bool):
        return name if value else f"no-{name}"
    if isinstance(value, list):
        return f"{name}{'-'.join(map(str, value))}"
    return f"{name}{value}"


def spell_places(places: Sequence[str]) -> str:
    """Places of one variant, as the study writes them: `P3`, `before SPPF`, `edge 4:16`."""
    return "-".join(map(_place, places))


def single_places(places: Sequence[str]) -> tuple[str, ...]:
    """The same each by itself: `before P3,P4` is two, as `before P3` and `before P4` are."""
    found = []
    for text in places:
        kind, blank, selector = text.rpartition(" ")
        each = [selector] if kind == "inputs" else selector.split(",")
        found += [f"{kind}{blank}{one}" for one in each]
    return tuple(found)


def _place(text: str) -> str:
    kind, _, selector = text.rpartition(" ")
    selector = re.sub(r"\[\s*\*\s*\]|\.\*", "-all", selector)
    # A minus is the separator here, and C3[-1] must not read as C3[1] does.
    selector = re.sub(r"(?<!\w)-1(?!\d)", "last", selector)
    selector = re.sub(r"(?<!\w)-(\d+)", r"last\1", selector)
    selector = re.sub(r"\[(.*?)\]", r"-\1", selector).replace(".", "-")
    selector = selector.replace(":", "-to-").replace(",", "-with-" if kind == "inputs" else "-")
    return f"before-{selector}" if kind == "before" else selector
