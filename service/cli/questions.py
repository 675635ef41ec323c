"""What each question of `daybook query` is about: its view, its options, and how its answer is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from rich.console import RenderableType

from service.asking.clocks import CLOCKS
from service.asking.parameters import Parameter
from service.asking.views import VIEWS, View
from service.cli import tables
from service.cli.tables import Look

Options = dict[str, str]


@dataclass(frozen=True, slots=True)
class Asking:
    """One command of `daybook query`."""

    name: str
    path: str
    help: str
    #: Which table of the view is shown; None: the main one.
    table: str | None = None
    #: Shows the main table, where a list of its columns does not say enough.
    show: Callable[[dict[str, Any], Look], RenderableType] | None = None
    #: The metrics of an answer that --fail-if may hold a bound against; None: it has none.
    metrics: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    @property
    def options(self) -> Options:
        """What it may be asked."""
        return options_of(self.view)

    @property
    def repeatable(self) -> tuple[str, ...]:
        """Options that may be given several times."""
        return tuple(one.name for one in self.view.parameters if one.repeatable)

    @property
    def view(self) -> View:
        """The view that answers."""
        return VIEWS[self.path]

    def shown(self, answer: dict[str, Any], table: str | None, look: Look) -> RenderableType:
        """A table of the answer for people."""
        chosen = self.view.table(table or self.table)
        if self.show is not None and chosen is self.view.tables[0]:
            return self.show(answer, look)
        titles = {"value": unit} if (unit := _unit(answer)) else {}
        caption = "\n".join([tables.as_of(answer), *tables.remarked(answer)])
        return tables.listing(chosen, answer, self._title(answer), look, caption=caption, titles=titles)

    def _title(self, answer: dict[str, Any]) -> str:
        words = self.name.replace("-", " ").capitalize()
        return f"{words} of {buyers(answer)}" if "buyer" in answer.get("parameters", {}) else words


def _unit(answer: dict[str, Any]) -> str | None:
    """What the figures of an answer count, where all of them count the same and it says so."""
    total = answer.get("total")
    if total is None and answer.get("points"):
        total = answer["points"][0]["total"]
    return None if total is None else str(total["unit"])


def buyers(answer: dict[str, Any]) -> str:
    """Whose market it is."""
    return ", ".join(answer["parameters"]["buyer"]) or "the whole market"


def options_of(view: View) -> Options:
    """The parameters of a view as options, each with its words; its clocks stand last."""
    asked = sorted(view.parameters, key=lambda one: one.name in CLOCKS)
    return {one.name: _described(one) for one in asked if one.name != "min_position"}


def with_options(named: Options, repeatable: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """Give a command an option for each parameter."""

    def decorate(command: Any) -> Any:
        for name, text in reversed(named.items()):
            flag = "--" + name.replace("_", "-")
            command = click.option(flag, name, multiple=name in repeatable, help=text)(command)
        return command

    return decorate


def raw_of(given: dict[str, Any]) -> dict[str, list[str]]:
    """Options as the views take parameters."""
    raw = {}
    for name, value in given.items():
        if isinstance(value, tuple):
            if value:
                raw[name] = list(value)
        elif value is not None:
            raw[name] = [value]
    return raw


def _described(parameter: Parameter) -> str:
    values = parameter.schema.get("enum") or parameter.schema.get("items", {}).get("enum") or ()
    named = f" ({', '.join(values[:-1])} or {values[-1]})" if values else ""
    return f"{parameter.words.rstrip('.')}{named}.{' Required.' if parameter.required else ''}"


def _metrics(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer["metrics"].items() if not isinstance(value, (dict, list))}


#: How the main tables are shown for which a list of their columns does not say enough.
SHOWN: dict[str, Callable[[dict[str, Any], Look], RenderableType]] = {
    "dependence": lambda answer, look: tables.dependence(answer, f"Dependence of {buyers(answer)}", look),
    "exposure": lambda answer, look: tables.exposure(answer, f"Exposure of {buyers(answer)}", look),
}
#: The metrics of answers that have some.
METRICS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "dependence": _metrics,
    "exposure": lambda answer: {name: value for name, value in answer.items() if name.startswith("at_risk")},
}

#: One for every view that has a command and is not of one thing, and those that show another table of a view.
ASKINGS: tuple[Asking, ...] = (
    *(
        Asking(view.command, view.path, view.words, show=SHOWN.get(view.command), metrics=METRICS.get(view.command))
        for view in VIEWS.values()
        if view.command is not None and not view.is_of_one
    ),
)


def asking_of(view: View, asking: Asking) -> Asking:
    """The command whose view answers: the one that was called, or that of the view which answers in its place."""
    return asking if view is asking.view else next(one for one in ASKINGS if one.view is view)
