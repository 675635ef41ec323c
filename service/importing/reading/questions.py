"""What the reader of a file asks of the ledger."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

Question = Literal[
    "today", "directory", "bearers", "products", "events", "streams", "regulations", "known", "placed", "synced"
]
#: Answers a question about these names, in plain values; stored events are the bytes that are stored.
Ask = Callable[[Question, Sequence[str]], Any]
