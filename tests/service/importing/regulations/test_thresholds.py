"""Thresholds as regulations write them, as predicates."""

from typing import Any

import pytest

from service.importing.regulations.thresholds import Unreadable, attributes_in, attributes_of, read_threshold


def comparison(attribute: str, op: str, value: Any) -> dict[str, Any]:
    return {"attribute": attribute, "op": op, "value": value}


TPP = comparison("tpp", ">=", "4800")
DENSITY = comparison("performance_density", ">=", "5.92")


@pytest.mark.parametrize(
    ("text", "predicate"),
    [
        ("TPP>=4800", TPP),
        ("TPP ≥ 4,800", TPP),
        ("4800<=TPP", TPP),
        ("TPP>=4800 AND PD>=5.92", {"all": [TPP, DENSITY]}),
        ("TPP>=4800 OR PD>=5.92", {"any": [TPP, DENSITY]}),
        # AND binds before OR, and brackets before both
        ("TPP>=4800 OR TPP<9 AND PD>=5.92", {"any": [TPP, {"all": [comparison("tpp", "<", "9"), DENSITY]}]}),
        ("(TPP>=4800 OR TPP<9) AND PD>=5.92", {"all": [{"any": [TPP, comparison("tpp", "<", "9")]}, DENSITY]}),
        ("2400<=TPP<4800", {"all": [comparison("tpp", ">=", "2400"), comparison("tpp", "<", "4800")]}),
        # a remark in brackets says nothing more
        (
            "aggregate bidirectional transfer rate >= 600 GB/s (to ICs other than volatile memory)",
            comparison("interconnect_gbs", ">=", "600"),
        ),
        ("bit length x TOPS >= 4800", TPP),
        ("TPP>=4800 designed or marketed for datacentres", {"all": [TPP, comparison("datacentre", "==", True)]}),
        ("non-datacentre", comparison("datacentre", "==", False)),
    ],
)
def test_a_threshold_is_read(text: str, predicate: dict[str, Any]) -> None:
    assert read_threshold(text) == predicate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TPP",
        "TPP>=",
        "TPP>=4800 AND",
        "(TPP>=4800",
        "TPP>=4800)",
        "roughly A100",
        # another attribute, and another unit, than the ledger has
        "memory bandwidth density > 2 GB/s/mm2",
        "memory bandwidth > 2 TB/s",
        # more digits than an attribute can have
        "TPP>=12345678901",
        "(" * 10_000 + "TPP>=4800" + ")" * 10_000,
    ],
)
def test_anything_else_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_threshold(text)


def test_attributes_are_known_by_the_regulations_words_and_the_ledgers() -> None:
    assert attributes_in("TPP < 21,000 and PD, see performance_density") == {"tpp", "performance_density"}
    assert attributes_of({"any": [TPP, {"not": DENSITY}]}) == {"tpp", "performance_density"}
