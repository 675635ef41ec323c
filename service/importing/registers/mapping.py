"""What a mapping may say of a table of organisations, products or rates; all of it can be left out."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from domain.values import Basis
from service.importing.orders.mapping import parse_toml
from service.importing.orders.mapping_parts import MappingPart, Read
from service.importing.rows import MOST_FAULTS, BadMapping

RegisterKind = Literal["organizations", "products", "rates"]


class RegisterMapping(MappingPart):
    """How such a table is read."""

    kind: RegisterKind
    #: Begins the ids of all events; absent: the kind.
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")] | None = None
    citation: str | None = None
    url: str | None = None
    basis: Basis = "reported"
    read: Read | None = None
    #: By what a column can be (registers/headers.py), what it is called; absent: found by usual names.
    columns: dict[str, str] = Field(default={})
    #: Forms of dates; absent: found out.
    dates: Annotated[list[str], Field(min_length=1)] | None = None
    #: Of rates: the currency whose unit is one.
    base: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"

    @property
    def prefix(self) -> str:
        """What the ids of events begin with."""
        return self.name or self.kind


def stated_kind(name: str, content: bytes) -> str | None:
    """The kind that a mapping says it is of; None: of order lines. BadMapping where it is no TOML."""
    kind = parse_toml(name, content).get("kind")
    return kind if isinstance(kind, str) else None


def parse_register_mapping(name: str, content: bytes) -> RegisterMapping:
    """A mapping from its TOML; BadMapping says what is wrong, by key."""
    try:
        return RegisterMapping.model_validate(parse_toml(name, content))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:MOST_FAULTS]]
        raise BadMapping(name, problems) from None
