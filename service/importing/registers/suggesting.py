"""A mapping suggested for a table of organisations, products or rates: which columns were found, to be corrected."""

from collections.abc import Sequence

from service.importing.names import as_sent_slug
from service.importing.orders.suggesting.drafts import MappingDraft
from service.importing.registers.headers import NAMES, assigned

LONGEST_NAME = 32


def suggested_register(kind: str, file: str, columns: Sequence[str], rows: int) -> str:
    """The TOML of a mapping for a table of one of these kinds; an import does without it where it is right."""
    roles = assigned(kind, columns)
    name = as_sent_slug(file.partition(".")[0])[:LONGEST_NAME].strip("-") or kind
    draft = MappingDraft({"kind": kind, "name": name, "citation": file[:200], "columns": roles})
    draft.note("", "name begins the id of every event: keep it for the next extract of the same system")
    draft.note("columns", f"there are {', '.join(NAMES[kind])}")
    if kind == "products":
        draft.note("columns", "every other column is an attribute")
    others = [column for column in columns if column and column not in roles.values()]
    return draft.written([] if kind == "products" else others, rows, ())
