"""The address of a page, which holds all of its state: what the view is asked, and how it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

#: What a page is asked besides its view's parameters.
SHOWN = ("from", "to", "lang", "theme", "vendor", "walk")
THEMES = ("light", "dark")

Change = str | Sequence[str] | None


@dataclass(frozen=True)
class Address:
    """A path, and everything asked there. Values that are empty count as not given: forms send them."""

    path: str
    #: What the view is asked, the clocks included.
    asked: dict[str, list[str]] = field(default_factory=dict)
    #: How it is shown.
    shown: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: str, raw: Mapping[str, Sequence[str]]) -> "Address":
        """From the parameters as they came."""
        given = {name: [value for value in values if value != ""] for name, values in raw.items()}
        kept = {name: values for name, values in given.items() if values}
        return cls(
            path,
            {name: values for name, values in kept.items() if name not in SHOWN},
            {name: values[-1] for name, values in kept.items() if name in SHOWN},
        )

    def first(self, name: str) -> str | None:
        """The first value of a parameter of the view."""
        return next(iter(self.asked.get(name, ())), None)

    def href(self, path: str | None = None, **changes: Change) -> str:
        """The address with some parameters changed; None leaves one out. `from_` stands for `from`."""
        asked, shown = dict(self.asked), dict(self.shown)
        for spelling, value in changes.items():
            name = spelling.rstrip("_")
            into: dict[str, list[str]] = {} if name in SHOWN else asked
            shown.pop(name, None)
            asked.pop(name, None)
            if value is None:
                continue
            if name in SHOWN:
                shown[name] = str(value)
            else:
                into[name] = [value] if isinstance(value, str) else list(value)
        query = [(name, value) for name, values in asked.items() for value in values] + list(shown.items())
        where = self.path if path is None else path
        return f"{where}?{urlencode(query)}" if query else where

    def api(self, path: str, **changes: Change) -> str:
        """The address of the view itself, which knows nothing of how a page shows it."""
        return Address(f"/api/v1/views/{path}", self.asked).href(None, **changes)
