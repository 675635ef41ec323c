"""The page that shows the rooms of the code is what the imports say."""

from tests.architecture import rooms


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert rooms.floors(rooms.imports())["domain"] == 0


def test_the_picture_is_what_the_imports_say() -> None:
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.drawn(rooms.imports()), "draw it with ./run rooms"


def test_the_page_has_every_room_with_its_own_sentence() -> None:
    found = rooms.ROWS.search(rooms.PAGE.read_text(encoding="utf-8"))
    assert found is not None
    assert found[0] == rooms.listed(rooms.imports()), "write it with ./run rooms"


def test_an_arrow_that_follows_from_others_is_left_out() -> None:
    known = {"cli": {"web", "domain"}, "web": {"domain"}, "domain": set[str]()}
    assert rooms.arrows(known) == [("cli", "web"), ("web", "domain")]
    assert rooms.floors(known) == {"cli": 2, "web": 1, "domain": 0}
