"""Rows of vendor-dependence by an attribute of the products: words, numbers and truths as text (rule 55)."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from domain.events import canonical
from projections.differences import difference
from projections.engine import Projection, batch_of
from projections.evidence import evidence
from projections.parameters import VendorDependence
from projections.series import series
from projections.vendor_dependence import vendor_dependence
from service.audit.verifier import vendor_dependence as reference
from service.codes import country_name
from tests.ledgers import Book, line, market

YEAR_END = date(2024, 12, 31)


def factories() -> Book:
    """Products from Shenzhen and Tainan, one from nowhere said, and a line without a product; by units."""
    book = market()
    for product_id, site in (("h20", "Shenzhen"), ("h800", "Tainan 台南"), ("v100", "Tainan 台南")):
        book.product(product_id, "nvidia", site={"text": site})
    lines = [("40", "h20"), ("30", "h800"), ("20", "v100"), ("7", "a800"), ("3", None)]
    ordered = [line(units, units, product_id, str(place)) for place, (units, product_id) in enumerate(lines)]
    book.order("po-1", "2024-03-01", ordered)
    return book


def changed(book: Book, product_id: str, effective_on: str, **attributes: Any) -> None:
    """Say something else of a product from a day on."""
    data = {"product_id": product_id, "attributes": attributes}
    book.say("product-changed", effective_on, data, id=f"{product_id}-{effective_on}")


def projected(book: Book) -> Projection:
    """A projection in memory. The caller closes it."""
    projection = Projection.open()
    projection.apply(batch_of((event["position"], canonical(event)) for event in book.events))
    return projection


def asked(book: Book, by: str, **query: Any) -> dict[str, Any]:
    """What the view is asked: Baidu's units at the end of 2024, unless told otherwise."""
    told = {"buyer": ("baidu",), "measure": "units", "effective_on": YEAR_END, "position": len(book.events), "by": by}
    return told | query


def ask(book: Book, by: str, **query: Any) -> dict[str, Any]:
    """The view's answer, which is the reference's, too."""
    told = asked(book, by, **query)
    with projected(book) as projection, projection.cursor() as cursor:
        answer = vendor_dependence(cursor, VendorDependence(**told), country_name=country_name)
    assert answer == reference(book.events, **told | {"buyer": list(told["buyer"])}, country_name=country_name)
    return answer


def values(answer: dict[str, Any]) -> dict[str | None, str | None]:
    return {row["key"]: row["value"] for row in answer["rows"]}


def test_products_of_one_site_are_one_row_and_what_has_none_is_the_row_without_a_key() -> None:
    answer = ask(factories(), "attribute:site")

    assert [(row["key"], row["name"], row["country"], row["value"]) for row in answer["rows"]] == [
        ("Tainan 台南", "Tainan 台南", None, "50"),
        ("Shenzhen", "Shenzhen", None, "40"),
        (None, None, None, "10"),
    ]
    assert answer["metrics"]["cr1"] == 0.5


def test_site_is_short_for_the_attribute_of_that_name() -> None:
    book = factories()

    assert VendorDependence(**asked(book, "site")).by == "attribute:site"
    assert ask(book, "site") == ask(book, "attribute:site")


@pytest.mark.parametrize("status", ["ordered", "open"])
@pytest.mark.parametrize("measure", ["spend", "units", "capacity"])
def test_numbers_and_truths_are_their_plain_text(status: str, measure: str) -> None:
    book = market()
    attributes: list[Any] = [
        "4800.500",
        "0.000001",
        "0",
        {"value": "4800.5", "low": "4000"},
        {"text": "4800.5"},
        True,
        {"text": "true"},
        False,
        None,
    ]
    for place, attribute in enumerate(attributes):
        book.product(f"p{place}", "nvidia", density=attribute, tpp="1")
    ordered = [line(str(2**place), str(2**place), f"p{place}", str(place)) for place in range(len(attributes))]
    book.order("po-1", "2024-03-01", ordered)

    assert values(ask(book, "attribute:density", status=status, measure=measure)) == {
        "4800.5": str(2**0 + 2**3 + 2**4),
        "0.000001": str(2**1),
        "0": str(2**2),
        "true": str(2**5 + 2**6),
        "false": str(2**7),
        None: str(2**8),
    }


def test_the_attribute_is_that_of_the_day_asked_and_a_null_ends_what_was_said_before() -> None:
    book = factories()
    changed(book, "h20", "2024-06-01", site={"text": "Tainan 台南"})
    changed(book, "h20", "2024-09-01", site=None)

    assert values(ask(book, "site", effective_on=date(2024, 5, 31)))["Shenzhen"] == "40"
    assert values(ask(book, "site", effective_on=date(2024, 6, 1))) == {"Tainan 台南": "90", None: "10"}
    assert values(ask(book, "site", effective_on=date(2024, 9, 1))) == {"Tainan 台南": "50", None: "50"}


def test_rows_may_be_made_by_the_attribute_that_makes_capacity() -> None:
    book = factories()
    assert values(ask(book, "attribute:tpp", measure="capacity")) == {"4988.8": "34921.6", None: None}


@pytest.mark.parametrize("by", ["attribute:unheard-of", "attribute:tpp.x", "attribute:Site"])
def test_an_attribute_that_no_product_has_leaves_one_row(by: str) -> None:
    assert values(ask(factories(), by)) == {None: "100"}


def test_a_joint_order_and_an_assertion_are_rows_by_attribute_too() -> None:
    book = factories()
    book.order("po-2", "2024-04-01", [line("8", "8", "h20")], buyers=["baidu", "tencent"])
    shares = [{"buyer_id": "baidu", "share": "0.25"}, {"buyer_id": "tencent", "share": "0.75"}]
    book.say("order-allocated", "2024-04-02", {"order_id": "po-2", "allocations": shares})
    supplied = {"assertion_id": "s1", "buyer_id": "baidu", "vendor_id": "nvidia", "statement": "more from Tainan"}
    lines = [{"line": "1", "product_id": "v100", "quantity": "5", "amount": None}]
    book.say("supply-asserted", "2024-05-01", supplied | {"currency": "USD", "lines": lines})

    assert values(ask(book, "site")) == {"Tainan 台南": "55", "Shenzhen": "42", None: "10"}


def test_the_evidence_of_a_row_is_its_lines() -> None:
    book = factories()
    parameters = VendorDependence(**asked(book, "site"))
    with projected(book) as projection, projection.cursor() as cursor:
        found = {key: evidence(cursor, parameters, key) for key in ("Tainan 台南", "Shenzhen", None, "nowhere")}

    assert {key: [part["product"] for part in parts] for key, parts in found.items()} == {
        "Tainan 台南": ["h800", "v100"],
        "Shenzhen": ["h20"],
        None: ["a800", None],
        "nowhere": [],
    }


def test_a_series_moves_lines_from_site_to_site() -> None:
    book = factories()
    changed(book, "h20", "2024-06-01", site={"text": "Tainan 台南"})
    parameters = VendorDependence(**asked(book, "site"))
    with projected(book) as projection, projection.cursor() as cursor:
        answer = series(cursor, parameters, date(2024, 1, 1), YEAR_END, None, country_name=country_name)

    assert [(point["effective_on"], values(point)) for point in answer["points"]] == [
        ("2024-01-01", {}),
        ("2024-03-01", {"Tainan 台南": "50", "Shenzhen": "40", None: "10"}),
        ("2024-06-01", {"Tainan 台南": "90", None: "10"}),
    ]
    assert {key["key"]: key["name"] for key in answer["keys"]}["Shenzhen"] == "Shenzhen"


def test_a_difference_says_which_event_moved_a_line_to_another_site() -> None:
    book = factories()
    changed(book, "h20", "2024-06-01", site={"text": "Tainan 台南"})
    sides = [VendorDependence(**asked(book, "site", effective_on=day)) for day in (date(2024, 5, 31), date(2024, 6, 1))]
    with projected(book) as projection, projection.cursor() as cursor:
        answer = difference(cursor, *sides, country_name=country_name)

    moved = {row["key"]: (row["name"], row["difference"], row["explained"]) for row in answer["rows"]}
    assert {key: (name, value) for key, (name, value, _) in moved.items() if value != "0"} == {
        "Tainan 台南": ("Tainan 台南", "40"),
        "Shenzhen": ("Shenzhen", "-40"),
    }
    for key in ("Tainan 台南", "Shenzhen"):
        (part,) = moved[key][2]
        assert part["class"] == "revaluation"
        assert [event["id"] for event in part["events"]] == ["h20-2024-06-01"]


@pytest.mark.parametrize(
    "by",
    [
        *("", "sites", "Site", "site\n", "vendor,maker", "vendor:", "attribute", "attribute:", "attribute: site"),
        *("attribute:9", "attribute:a b", "attribute:a\n", "attribute:" + "a" * 65, "attributes:site"),
    ],
)
def test_rows_are_made_by_nothing_else(by: str) -> None:
    with pytest.raises(ValidationError):
        VendorDependence(effective_on=YEAR_END, position=1, by=by)
