"""Statements for PostgreSQL, from the `.sql` file that lies beside the module that sends them."""

from collections.abc import Mapping
from pathlib import Path

from projections.blocks import read, without_comment


def statements_of(module: str) -> Mapping[str, bytes]:
    """The blocks of the `.sql` file of a module, given its `__file__`, by name and as the driver takes them.

    Blocks with parameters are left out: `projections.blocks.read` has them.
    """
    blocks = read(Path(module).with_suffix(".sql")).values()
    return {block.name: without_comment(block.text).encode() for block in blocks if not block.parameters}
