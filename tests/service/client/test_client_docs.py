"""Every piece of code of docs/client.md does what the page says."""

import re
from pathlib import Path

from tests.service.postgres_owner import ROOT
from tests.service.processes import TOKEN, serving

PAGE = ROOT / "docs" / "client.md"


def test_the_page_runs_from_top_to_bottom(database: str, tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    # Each stands where it stands in the page, for messages that name its line.
    pieces = [
        "\n" * page.count("\n", 0, found.start(1)) + found[1]
        for found in re.finditer(r"```python\n(.*?)```", page, re.DOTALL)
    ]
    assert len(pieces) >= 8
    with serving(tmp_path / "home", {"DAYBOOK_DATABASE_URL": database}) as service:
        names = {"ADDRESS": service.address, "TOKEN": TOKEN}
        for piece in pieces:
            exec(compile(piece, str(PAGE), "exec"), names)
