"""Mappings that a service knows by name: those that come with Daybook, and those that its users have given it."""

import io
import re
from pathlib import Path

from service.importing.formats import ORDERS
from service.importing.orders.mapping import LARGEST_BYTES, SHIPPED, shipped
from service.importing.reading.apart import judged
from service.importing.reading.messages import ReaderTask
from service.importing.rows import BadMapping
from service.storing.writing import new_identifier

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SUFFIX = ".toml"


class UnknownMapping(Exception):
    """No mapping goes by that name."""


class NotYours(Exception):
    """The mapping came with Daybook, and stays as it is."""


class KeptMappings:
    """The mappings of a home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "mappings"

    def names(self) -> dict[str, bool]:
        """All names in their order, and whether the mapping came with Daybook."""
        own = [path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}")]
        return dict(sorted({**dict.fromkeys(own, False), **dict.fromkeys(shipped(), True)}.items()))

    def content(self, name: str) -> bytes:
        """What a mapping says; raises UnknownMapping."""
        # Names are looked up, never taken for paths.
        if name in shipped():
            return (SHIPPED / f"{name}{SUFFIX}").read_bytes()
        if NAME.fullmatch(name):
            try:
                return self._path(name).read_bytes()
            except FileNotFoundError:
                pass
        raise UnknownMapping(f"there is no mapping {name!r:.80} (there are: {', '.join(self.names()) or 'none'})")

    def keep(self, name: str, content: bytes) -> bool:
        """Keep a mapping under a name; whether it is a new one. Raises BadMapping, and NotYours."""
        if not NAME.fullmatch(name):
            raise BadMapping(repr(name)[:80], [f"a name is made of letters, digits and . _ - ({NAME.pattern})"])
        if name in shipped():
            raise NotYours(f"{name} came with Daybook: keep yours under another name")
        if len(content) > LARGEST_BYTES:
            raise BadMapping(name, [f"has {len(content):,} bytes, more than {LARGEST_BYTES:,}"])
        judged(io.BytesIO(), ReaderTask(format=ORDERS[0], mapping=(name, content)))
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = not self._path(name).exists()
        draft = self.folder / f".{new_identifier()}"
        draft.write_bytes(content)
        draft.replace(self._path(name))
        return new

    def remove(self, name: str) -> None:
        """Forget a mapping; imports that were sent with it keep theirs. Raises UnknownMapping, and NotYours."""
        if name in shipped():
            raise NotYours(f"{name} came with Daybook, and stays")
        self.content(name)
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"
