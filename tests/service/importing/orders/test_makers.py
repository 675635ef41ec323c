"""A product bought from several vendors has no maker, wherever and whenever the second vendor comes."""

from pathlib import Path

import pytest

from service.importing.plans import Summary
from service.importing.streaming import Options
from tests.service.importing.conftest import Desk
from tests.service.importing.order_tables import MAPPING, as_toml, mapping, rows_csv

FIRST = rows_csv({}, {"PO": "PO-2", "Item": "Seal S-9"})
SECOND = rows_csv({"PO": "PO-3", "Ordered": "2024-06-01", "Arrived": "", "Supplier": "Kisumu Valves"})


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """With a mapping that names no maker."""
    path = tmp_path / "pumps.toml"
    path.write_text(as_toml(mapping(maker=None)), encoding="utf-8")
    return Options(mapping=str(path))


def makers(desk: Desk) -> dict[str, object]:
    """What each product was last said to be made by."""
    found = {}
    for event in desk.events("product-registered", "product-changed"):
        if "vendor_id" in event.data or event.type == "product-registered":
            found[event.data["product_id"]] = event.data.get("vendor_id")
    return found


def shared(summary: Summary) -> list[str]:
    """What is said of products from several vendors."""
    return [one.message for one in summary.plan.noted if "several vendors" in one.message]


def test_a_product_of_one_vendor_is_made_by_it(desk: Desk, options: Options) -> None:
    assert shared(desk.imports(FIRST, "csv", options=options)) == []
    assert makers(desk) == {"pump-p-200": "muller-sohne-gmbh", "seal-s-9": "muller-sohne-gmbh"}


def test_a_second_vendor_later_in_the_file_leaves_the_product_without_a_maker(desk: Desk, options: Options) -> None:
    both = FIRST + SECOND.split(b"\r\n", 1)[1]
    rehearsed = desk.imports(both, "csv", options=Options(dry_run=True, mapping=options.mapping))
    assert rehearsed.overview is not None
    assert rehearsed.overview.several_vendors == 1
    summary = desk.imports(both, "csv", options=options)
    assert shared(rehearsed) == shared(summary) == ["1 product from several vendors: no maker (pump-p-200)"]
    assert makers(desk) == {"pump-p-200": None, "seal-s-9": "muller-sohne-gmbh"}
    assert rehearsed.recorded == summary.recorded == len(desk.events())


def test_a_second_vendor_in_a_later_import_takes_the_maker_back_once(desk: Desk, options: Options) -> None:
    desk.imports(FIRST, "csv", options=options)
    rehearsed = desk.imports(SECOND, "csv", options=Options(dry_run=True, mapping=options.mapping))
    assert rehearsed.overview is not None
    assert (rehearsed.overview.several_vendors, rehearsed.types["product-changed"]) == (1, 1)
    summary = desk.imports(SECOND, "csv", options=options)
    assert shared(summary) == ["1 product from several vendors: no maker (pump-p-200)"]
    assert makers(desk)["pump-p-200"] is None
    change = desk.event("pumps:product:pump-p-200:several-vendors")
    assert (change["effective_on"], change["known_on"]) == ("../2024-03-01", "2024-06-01")
    head = desk.head
    for data in (FIRST, SECOND, FIRST):
        assert desk.imports(data, "csv", options=options).recorded == 0
    assert desk.head == head


def test_a_maker_that_somebody_said_by_another_road_stays(desk: Desk, options: Options) -> None:
    desk.know("Grundfos A/S", country="DK")
    registered = {"product_id": "pump-p-200", "name": "Pump P-200", "vendor_id": "grundfos", "category": "pump"}
    desk.record([{"type": "product-registered", "effective_on": "2020", "data": registered}])
    assert shared(desk.imports(FIRST + SECOND.split(b"\r\n", 1)[1], "csv", options=options)) == []
    assert makers(desk)["pump-p-200"] == "grundfos"


def test_a_maker_that_somebody_said_since_stays(desk: Desk, options: Options) -> None:
    desk.imports(FIRST, "csv", options=options)
    said = {"product_id": "pump-p-200", "vendor_id": "muller-sohne-gmbh"}
    desk.record([{"type": "product-changed", "effective_on": "2024-03-01", "data": said}])
    desk.imports(SECOND, "csv", options=options)
    assert makers(desk)["pump-p-200"] == "muller-sohne-gmbh"


def test_a_column_of_makers_is_believed(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "pumps.toml"
    path.write_text(as_toml(MAPPING), encoding="utf-8")
    options = Options(mapping=str(path))
    assert shared(desk.imports(FIRST + SECOND.split(b"\r\n", 1)[1], "csv", options=options)) == []
    assert makers(desk)["pump-p-200"] == "grundfos"
