"""How tests say that a request is refused, where, in which words, and that nothing came of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import pytest

from domain.errors import Refusal
from tests.ledgers import Book


@contextmanager
def refuses(book: Book, kind: type[Refusal], pointer: str, message: str, index: int = 0) -> Iterator[None]:
    """The block's recording is refused for one reason, and the book stays as it is."""
    before = deepcopy(book.events)
    with pytest.raises(kind) as caught:
        yield
    problems = [(problem.pointer, problem.message) for problem in caught.value.problems]
    assert (type(caught.value), problems, caught.value.index) == (kind, [(pointer, message)], index)
    assert book.events == before
