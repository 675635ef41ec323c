"""The blocking client is the asynchronous one, without waiting."""

from pathlib import Path

import pytest

from service.client import generating
from service.client.generating import ASYNCHRONOUS, BLOCKING, COMMAND, blocking, main


def test_the_blocking_client_is_what_follows_from_the_asynchronous_one() -> None:
    assert BLOCKING.read_text() == blocking(ASYNCHRONOUS.read_text())


def test_a_difference_names_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = tmp_path / "blocking.py"
    changed.write_text(BLOCKING.read_text().replace("time.sleep", "sleeping"))
    monkeypatch.setattr(generating, "BLOCKING", changed)
    with pytest.raises(SystemExit, match=COMMAND):
        main(["--check"])
    main([])
    main(["--check"])


def test_what_has_no_blocking_twin_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2: async has no blocking twin"):
        blocking("numbers = [\n    one async\n    in something]\n")
