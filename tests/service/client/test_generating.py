"""The blocking client is the asynchronous one, without waiting."""

from pathlib import Path
from typing import get_args

import pytest

from domain.resources import ABOUT_EVENTS, SUBJECTS
from service.client import generating
from service.client.generating import ASYNCHRONOUS, BLOCKING, COMMAND, PATHS, blocking, main, paths
from service.client.paths import Collection, Subject


def test_the_blocking_client_is_what_follows_from_the_asynchronous_one() -> None:
    assert BLOCKING.read_text() == blocking(ASYNCHRONOUS.read_text())


def test_the_words_of_paths_are_those_of_the_types_of_events() -> None:
    assert PATHS.read_text() == paths()
    assert set(get_args(Collection)) == set(SUBJECTS)
    assert set(get_args(Subject)) | set(ABOUT_EVENTS) == {word for words in SUBJECTS.values() for word in words}


def test_words_that_a_type_has_come_to_have_are_missed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generating, "PATHS", tmp_path / "paths.py")
    with pytest.raises(SystemExit, match=f"paths.py is not .*; run: {COMMAND}"):
        main(["--check"])


def test_a_difference_names_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = tmp_path / "blocking.py"
    changed.write_text(BLOCKING.read_text().replace("time.sleep", "sleeping"))
    monkeypatch.setattr(generating, "BLOCKING", changed)
    monkeypatch.setattr(generating, "PATHS", tmp_path / "paths.py")
    with pytest.raises(SystemExit, match=COMMAND):
        main(["--check"])
    main([])
    main(["--check"])


def test_what_has_no_blocking_twin_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2: async has no blocking twin"):
        blocking("numbers = [\n    one async\n    in something]\n")
