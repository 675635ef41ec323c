"""The three ways in which the domain says no, each with where and what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestFault:
    """One thing wrong with a request: a JSON pointer (RFC 6901) to the place, and a sentence."""

    pointer: str
    message: str


def pointer_part(part: object) -> str:
    """One step of a JSON pointer, escaped; what cannot be sent back (a lone surrogate) becomes a question mark."""
    return str(part).encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1")


class Refusal(Exception):
    """A request that is not recorded. `index` is the event's place in its batch, from 0."""

    def __init__(self, problems: list[RequestFault], index: int = 0) -> None:
        super().__init__("; ".join(f"{problem.pointer or '/'}: {problem.message}" for problem in problems))
        self.problems = problems
        self.index = index

    @classmethod
    def at(cls, pointer: str, message: str) -> "Refusal":
        """A refusal with one problem."""
        return cls([RequestFault(pointer, message)])


class Invalid(Refusal):
    """The request is not what it claims: a bad value, an unknown field, an unknown id."""


class Rejected(Refusal):
    """The request is well-formed and the rules of the ledger say no."""


class Conflict(Refusal):
    """Somebody was first: the id is taken by an event with other content, or the stream has moved on."""


class Corrupt(Exception):
    """A stored event of a type or version that this code does not know: a newer ledger, never the client."""
