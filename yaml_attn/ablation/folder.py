"""The folder of a study: what in it is as the study gives it, and bringing the rest up to date.

Which files are the study's its manifest says, with their digests. A file that it does not name, or
that was changed since, is the user's. The manifest is written before the files that it names, and
names what it replaces until that is done: killed at any moment, the next run knows what is whose
and ends where this one would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from yaml_attn.ablation.leftovers import is_made_by_a_study, originals
from yaml_attn.ablation.manifest import Figures, Owned, read_figures, read_owned, write_manifest
from yaml_attn.ablation.running import Result
from yaml_attn.ablation.tables import tables
from yaml_attn.errors import OutputError
from yaml_attn.files import (
    digest,
    real_path,
    refuse_outside,
    remove,
    remove_leftovers,
    standing,
    write_atomically,
)

_AT_ONCE: Final = 8
"""Files that are written at a time: each waits for the disk, a thousand in turn for seconds."""


@dataclass(frozen=True)
class Folder:
    """A folder beside what a study gives.

    `result` is what the study gives; `force` says whether files in the way that are the user's
    may be replaced.
    """

    path: Path
    result: Result
    force: bool = False

    @property
    def manifest(self) -> str:
        """The name of the manifest."""
        return f"manifest{self.result.shard.suffix}.json"

    @cached_property
    def tables(self) -> Mapping[str, bytes]:
        """The files beside configs and manifest."""
        return tables(self.result)

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """All that the study gives but the manifest, by name."""
        configs = {made.variant.file: made.data for made in self.result.made}
        return {**configs, **self.tables}

    @cached_property
    def owned(self) -> Owned:
        """What the study has made here so far.

        Raises:
            OutputError: what is called like the manifest is none.
        """
        try:
            return read_owned(self._manifest_there)
        except OutputError as error:
            if self.force:
                return Owned()
            error.path = self.path / self.manifest
            error.hint = "Use --force to replace it, or -o for another folder."
            raise

    @cached_property
    def present(self) -> Mapping[str, str]:
        """The files here that the study gives or has made, with their digests."""
        found = {name: standing(self.path / name) for name in {**self.files, **self.owned}}
        return {name: sha256 for name, sha256 in found.items() if sha256}

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """What the study gives and is not here."""
        return tuple(name for name in self.files if name not in self.present)

    @cached_property
    def changed(self) -> tuple[str, ...]:
        """What is here with other content than the study gives."""
        return tuple(
            name
            for name, data in self.files.items()
            if name in self.present and self.present[name] != digest(data)
        )

    @cached_property
    def in_the_way(self) -> tuple[str, ...]:
        """Of `changed`, what the study did not make as it is here."""
        return tuple(name for name in self.changed if not self._is_ours(name))

    @cached_property
    def left(self) -> tuple[str, ...]:
        """What the study made earlier, does not give now, and nobody changed since."""
        return tuple(name for name in self._gone if self._is_left(name))

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """What the study would have made earlier, but that is not as it makes such files."""
        left = set(self.left)
        return tuple(name for name in self._gone if name not in left)

    @property
    def manifest_data(self) -> bytes:
        """The manifest as an update without `prune` would leave it."""
        return self._manifest(self.left)

    @cached_property
    def other_figures(self) -> Figures | None:
        """What the figures here are, if they are of another builder than those of the study."""
        there = read_figures(self._manifest_there)
        return there if there and there.built_with != self.result.built_with else None

    @property
    def stale(self) -> tuple[tuple[str, str], ...]:
        """Each file that is not as the study gives it, with "changed", "missing" or "left over".

        Figures of another builder are not compared, nor variants that one of the two cannot build.
        """
        found = [
            *((name, "changed") for name in self.changed),
            *((name, "missing") for name in self.missing),
            *((name, "left over") for name in self.left),
        ]
        manifest = self._manifest_there
        if self.other_figures:
            failed = self.other_figures.failed.union(
                each.variant.name for each in self.result.failed
            )
            apart = {
                *((name, "changed") for name in self.tables),
                *((f"{name}.yaml", state) for name in failed for state in ("missing", "left over")),
            }
            return tuple(each for each in found if each not in apart)
        if manifest != self.manifest_data:
            found.append((self.manifest, "missing" if manifest is None else "changed"))
        return tuple(found)

    def update(self, *, prune: bool = False) -> tuple[str, ...]:
        """Write what is missing or changed, and nothing else; the names of what was written.

        Args:
            prune: whether to remove what is `left`.

        Raises:
            OutputError: files of the user's are in the way, or were changed meanwhile, or one
                cannot be written.
        """
        self.refuse_in_the_way()
        self._make()
        remove_leftovers(self.path, {self.manifest, *self.files, *self.owned})
        outdated = (*self.missing, *self.changed)
        ours = [name for name in self.changed if self._is_ours(name)]
        before = now = self._manifest_there
        if outdated:
            # With what is about to be replaced, lest the next run takes it for the user's.
            now = self._write_manifest([*self.left, *ours], now)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._write, outdated))
        for name in self.left if prune else ():
            remove(self.path / name, over=self.present[name])
        now = self._write_manifest([] if prune else self.left, now)
        return outdated if now == before else (*outdated, self.manifest)

    def refuse_in_the_way(self) -> None:
        """Refuse to replace what is the user's.

        Raises:
            OutputError: there is such a file, and no `force`; or it is a base of the study.
        """
        for base in self.result.bases:
            path = base.config.path
            if path and path.name in self.files and real_path(path.parent) == real_path(self.path):
                raise OutputError(
                    "is a base of the study, and the name of a variant too",
                    path=self.path / path.name,
                    hint="Use -o for another folder, or another `name`.",
                )
        if self.in_the_way and not self.force:
            several = len(self.in_the_way) > 1
            raise OutputError(
                f"{', '.join(self.in_the_way)}: not made by this study, or changed since",
                path=self.path,
                hint=f"Use --force to replace {'them' if several else 'it'}, or -o for another "
                "folder.",
            )
        for name in (*self.files, self.manifest):
            refuse_outside(self.path / name, self.path)

    @property
    def _gone(self) -> list[str]:
        """What the study made earlier, does not give now, and is still here."""
        # Where a file system takes two names for one, the old name is the new file.
        given = {name.casefold() for name in self.files}
        return sorted(
            name for name in self.owned if name in self.present and name.casefold() not in given
        )

    def _is_ours(self, name: str) -> bool:
        # A study makes no links.
        as_made = self.present.get(name) in self.owned.get(name, ())
        return as_made and not (self.path / name).is_symlink()

    def _is_left(self, name: str) -> bool:
        path, sha256 = self.path / name, self.present[name]
        known = self._originals
        return self._is_ours(name) and is_made_by_a_study(path, sha256, self.result, known)

    @cached_property
    def _originals(self) -> frozenset[str]:
        return originals(self.result)

    def _manifest(self, left: Iterable[str]) -> bytes:
        pairs = [(name, self.present[name]) for name in left]
        return write_manifest(self.result, self.tables, pairs)

    @cached_property
    def _manifest_there(self) -> bytes | None:
        """The manifest as it was found."""
        path = self.path / self.manifest
        try:
            return path.read_bytes() if standing(path) else None
        except OSError as error:
            raise OutputError(f"cannot be read ({error.strerror})", path=path) from None

    def _write_manifest(self, left: Iterable[str], now: bytes | None) -> bytes:
        """Write the manifest over what it is now, if it is not as it should be; what it is then."""
        data = self._manifest(left)
        if now != data:
            write_atomically(
                self.path / self.manifest, data, over=None if now is None else digest(now)
            )
        return data

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot be made ({error.strerror})", path=self.path) from None

    def _write(self, name: str) -> None:
        write_atomically(self.path / name, self.files[name], over=self.present.get(name))
