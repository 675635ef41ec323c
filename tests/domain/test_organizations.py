"""Decisions about organisations, products and partnerships: registered once, and nobody owns itself on any day."""

import pytest

from domain.errors import Invalid, Rejected
from tests.domain.refusals import refuses
from tests.ledgers import Book, Event, market, request


def owned(organization_id: str, effective_on: str, parent_id: str | None, known_on: str | None = None) -> Event:
    """A request that says who owns an organisation from a day on, known on that day unless told otherwise."""
    data = {"organization_id": organization_id, "parent_id": parent_id}
    return request("organization-changed", effective_on, data, known_on=known_on or effective_on)


@pytest.fixture
def book() -> Book:
    """Arm, SoftBank and Nvidia, none of which owns another."""
    book = Book()
    for organization_id in ("arm", "softbank", "nvidia"):
        book.organization(organization_id)
    return book


@pytest.mark.parametrize(
    ("event_type", "data", "identity", "stream"),
    [
        (
            "organization-registered",
            {"organization_id": "baidu", "name": "Baidu", "country": "CN"},
            "organization_id",
            "organization/baidu",
        ),
        (
            "product-registered",
            {"product_id": "a800", "name": "A800", "vendor_id": "nvidia", "category": "accelerator"},
            "product_id",
            "product/a800",
        ),
    ],
)
def test_nothing_is_registered_twice(event_type: str, data: Event, identity: str, stream: str) -> None:
    book = market()
    with refuses(book, Rejected, f"/data/{identity}", f"{stream} is registered already"):
        book.record([request(event_type, "2023-01-01", data)])


def test_a_partnership_is_formed_once() -> None:
    book = market()
    data = {"partnership_id": "paddle", "parties": ["baidu", "huawei"], "kind": "development", "scope": "chips"}
    book.say("partnership-formed", "2020", data)
    with refuses(book, Rejected, "/data/partnership_id", "partnership/paddle is registered already"):
        book.say("partnership-formed", "2021", data)


def test_nothing_is_registered_twice_in_one_batch() -> None:
    book = market()
    data = {"organization_id": "amd", "name": "AMD", "country": "US"}
    registered = request("organization-registered", "2000", data)
    with refuses(book, Rejected, "/data/organization_id", "organization/amd is registered already", index=1):
        book.record([registered, registered])


def test_a_registration_retracted_as_never_true_may_come_again_at_once(book: Book) -> None:
    wrong = book.organization("amd", "CA")
    book.retract(wrong["id"])
    assert book.organization("amd", "US")["version"] == 3


def test_a_registration_forgotten_on_a_day_comes_again_from_that_day_of_knowledge_on(book: Book) -> None:
    wrong = book.organization("amd", "CA")
    book.retract(wrong["id"], known_on="2021-05-01")
    again = request("organization-registered", "2000", {"organization_id": "amd", "name": "AMD", "country": "US"})
    message = "on 2021-05-01 an earlier organization/amd was withdrawn: this one cannot be known before"
    with refuses(book, Invalid, "/known_on", message):
        book.record([again | {"known_on": "2021-04-30"}])
    assert book.record([again | {"known_on": "2021-05-01"}])[0]["version"] == 3


def test_nobody_owns_itself(book: Book) -> None:
    message = "would make arm its own owner on 2020-01-01: arm -> arm"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("arm", "2020-01-01", "arm")])


def test_nobody_owns_itself_through_others(book: Book) -> None:
    book.record([owned("arm", "2016-09-05", "softbank"), owned("softbank", "2017-01-01", "nvidia")])
    message = "would make nvidia its own owner on 2018-01-01: nvidia -> arm -> softbank -> nvidia"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("nvidia", "2018-01-01", "arm")])


def test_two_may_own_each_other_in_turn(book: Book) -> None:
    book.record([owned("arm", "2016-01-01", "nvidia"), owned("arm", "2018-01-01", None)])
    assert book.record([owned("nvidia", "2018-01-01", "arm")])


def test_a_circle_on_one_day_long_ago_is_refused(book: Book) -> None:
    book.record([owned("arm", "2016-01-01", "nvidia"), owned("arm", "2018-01-01", None)])
    message = "would make nvidia its own owner on 2017-12-31: nvidia -> arm -> nvidia"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("nvidia", "2017-12-31", "arm")])


def test_a_circle_that_only_a_later_day_closes_is_refused(book: Book) -> None:
    book.record([owned("nvidia", "2024-01-01", "arm")])
    message = "would make arm its own owner on 2024-01-01: arm -> nvidia -> arm"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("arm", "2020-01-01", "nvidia")])
    book.record([owned("nvidia", "2025-01-01", None)])
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("arm", "2020-01-01", "nvidia")])
    assert book.record([owned("arm", "2025-01-01", "nvidia")])


def test_a_circle_is_refused_even_where_only_those_who_know_less_see_it(book: Book) -> None:
    # That the ownership ended in 2018 became known in 2020 only.
    book.record([owned("arm", "2016-01-01", "nvidia"), owned("arm", "2018-01-01", None, "2020-01-01")])
    message = "would make nvidia its own owner on 2019-01-01: nvidia -> arm -> nvidia"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("nvidia", "2019-01-01", "arm", "2019-01-01")])
    assert book.record([owned("nvidia", "2019-01-01", "arm", "2020-01-01")])


def test_a_circle_is_refused_even_where_it_is_of_what_was_believed_once(book: Book) -> None:
    (wrong,) = book.record([owned("arm", "2016-01-01", "nvidia")])
    book.retract(wrong["id"], known_on="2020-01-01")
    message = "would make nvidia its own owner on 2019-01-01: nvidia -> arm -> nvidia"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("nvidia", "2019-01-01", "arm", "2019-12-31")])
    assert book.record([owned("nvidia", "2019-01-01", "arm", "2020-01-01")])


def test_a_circle_is_refused_even_where_it_takes_the_registration_that_was_believed_once() -> None:
    book = Book()
    book.organization("nvidia")
    wrong = book.organization("arm", "GB", "nvidia")
    book.retract(wrong["id"], known_on="2020-01-01")
    data = {"organization_id": "arm", "name": "Arm", "country": "GB"}
    book.say("organization-registered", "2000", data, known_on="2020-01-01")
    message = "would make nvidia its own owner on 2010-01-01: nvidia -> arm -> nvidia"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("nvidia", "2010-01-01", "arm")])


def test_a_circle_is_refused_where_forgetting_an_end_uncovers_it(book: Book) -> None:
    # Those who have been told that the ownership did not end believe in it again.
    book.record([owned("arm", "2016-01-01", "nvidia")])
    (ended,) = book.record([owned("arm", "2018-01-01", None)])
    book.retract(ended["id"], known_on="2022-01-01")
    message = "would make nvidia its own owner on 2019-01-01: nvidia -> arm -> nvidia"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("nvidia", "2019-01-01", "arm")])


def test_an_end_is_not_retracted_where_that_closes_a_circle(book: Book) -> None:
    book.record([owned("arm", "2016-01-01", "nvidia")])
    (ended,) = book.record([owned("arm", "2018-01-01", None)])
    book.record([owned("nvidia", "2019-01-01", "arm")])
    message = "would make arm its own owner on 2019-01-01: arm -> nvidia -> arm"
    with refuses(book, Rejected, "/data/retracts", message):
        book.retract(ended["id"])


def test_an_ownership_retracted_as_never_true_leaves_no_trace(book: Book) -> None:
    (wrong,) = book.record([owned("arm", "2016-01-01", "nvidia")])
    book.retract(wrong["id"])
    assert book.record([owned("nvidia", "2016-01-01", "arm")])


def test_a_registration_with_its_owner_closes_no_circle() -> None:
    book = Book()
    book.organization("softbank")
    book.organization("arm", "GB", "softbank")
    message = "would make softbank its own owner on 2000-01-01: softbank -> arm -> softbank"
    with refuses(book, Rejected, "/data/parent_id", message):
        book.record([owned("softbank", "2000-01-01", "arm")])


@pytest.mark.parametrize("data", [{"country": "ZZ"}, {"country": "CN"}])
def test_an_organisation_s_country_may_be_one_that_nobody_knows(data: Event, book: Book) -> None:
    registered = book.organization("offshore", "ZZ")
    changed = book.say("organization-changed", "2024-01-01", {"organization_id": "offshore", **data})

    assert (registered["data"]["country"], changed["data"]) == ("ZZ", {"organization_id": "offshore", **data})


@pytest.mark.parametrize("country", ["XX", "QM", "zz", "ZZZ", "AA"])
def test_no_other_code_stands_for_it(country: str, book: Book) -> None:
    with refuses(book, Invalid, "/data/country", f"{country!r} is not an ISO 3166-1 alpha-2 country code"):
        book.organization("offshore", country)


@pytest.mark.parametrize("condition", ["destinations", "vendor_countries"])
def test_no_rule_names_the_country_that_nobody_knows(condition: str, book: Book) -> None:
    rule = {"rule_id": "r1", "effect": "prohibited", condition: ["CN", "ZZ"]}
    about = {"jurisdiction": "US", "authority": "BIS", "title": "Rule", "citation": "1 FR 1", "rules": [rule]}
    message = "'ZZ' is not an ISO 3166-1 alpha-2 country code"
    with refuses(book, Invalid, f"/data/rules/0/{condition}/1", message):
        book.say("regulation-enacted", "2024-01-01", {"regulation_id": "ear", **about})


# Two records of one organisation


def joined(organization_id: str, same_as: str | None, effective_on: str = "2023-01-01", **envelope: str) -> Event:
    """A request that says which organisation a record stands for."""
    data = {"organization_id": organization_id, "same_as": same_as}
    return request("organization-changed", effective_on, data, **{"known_on": "2024-01-01"} | envelope)


def circle(*names: str) -> str:
    """What a circle is refused with."""
    return f"would close a circle of records and owners: {' -> '.join(names)}"


def test_a_record_stands_for_another_organisation(book: Book) -> None:
    (event,) = book.record([joined("arm", "nvidia")])
    assert (event["v"], event["data"]) == (1, {"organization_id": "arm", "same_as": "nvidia"})
    data = {"organization_id": "nvda", "name": "NVDA", "country": "US", "same_as": "arm"}
    assert book.say("organization-registered", "2000", data)["data"] == data


def test_an_organisation_that_is_unknown_is_not_stood_for(book: Book) -> None:
    with refuses(book, Invalid, "/data/same_as", "unknown organization nvda"):
        book.record([joined("arm", "nvda")])


def test_no_record_stands_for_itself_in_the_end(book: Book) -> None:
    with refuses(book, Invalid, "/data/same_as", circle("arm", "arm")):
        book.record([joined("arm", "arm")])
    book.record([joined("arm", "nvidia"), joined("nvidia", "softbank")])
    with refuses(book, Invalid, "/data/same_as", circle("softbank", "arm", "nvidia", "softbank")):
        book.record([joined("softbank", "arm", "1999-01-01")])


def test_what_was_undone_may_be_said_the_other_way_round(book: Book) -> None:
    book.record([joined("arm", "nvidia", id="wrong"), joined("arm", None, "2023-01-02", id="undone")])
    book.record([joined("nvidia", "arm")])
    # Without the undoing they would stand for each other.
    with refuses(book, Rejected, "/data/retracts", circle("arm", "nvidia", "arm")):
        book.retract("undone")
    book.retract("wrong")
    assert book.retract("undone")


def test_an_earlier_undoing_undoes_nothing(book: Book) -> None:
    book.record([joined("arm", "nvidia"), joined("arm", None, "2022-12-31")])
    with refuses(book, Invalid, "/data/same_as", circle("nvidia", "arm", "nvidia")):
        book.record([joined("nvidia", "arm")])


def test_owners_and_records_close_no_circle_whatever_their_dates(book: Book) -> None:
    book.record([owned("arm", "2016-09-05", "softbank"), owned("arm", "2020-09-13", None)])
    # Arm was SoftBank's once, so SoftBank is not another record of Arm.
    with refuses(book, Invalid, "/data/same_as", circle("softbank", "arm", "softbank")):
        book.record([joined("softbank", "arm")])
    book.record([joined("nvidia", "arm")])
    with refuses(book, Rejected, "/data/parent_id", circle("softbank", "nvidia", "arm", "softbank")):
        book.record([owned("softbank", "2030-01-01", "nvidia", "2024-01-01")])


def test_owners_alone_may_change_places_as_before(book: Book) -> None:
    book.record([owned("arm", "2016-09-05", "softbank"), owned("arm", "2020-09-13", None)])
    assert book.record([owned("softbank", "2021-01-01", "arm")])
    assert book.record([joined("nvidia", "arm")])
