"""Predicates over product attributes: exact figures, ranges, bounds touched, words, truths, and what is not known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.comparisons import Attributes
from domain.evaluation import attributes_of, compile_predicate, evaluate, predicate_of
from domain.rules import Comparison, Not, Predicate, Some, parse_predicate
from domain.truth import NO, YES, Finding, every, negation, some, undetermined
from tests.domain_rules.test_against_reference import attributes, comparisons, nested
from tests.effort import Act, assert_no_dearer

UNKNOWN = undetermined("tpp")
OPERATORS = (">=", ">", "<=", "<", "==", "!=")


def compared(op: str, value: Any, **stored: Any) -> Finding:
    """The attribute tpp held against a bound."""
    return evaluate(parse_predicate({"attribute": "tpp", "op": op, "value": value}), attributes_of(stored))


def verdicts(stored: Any, bound: Any, operators: tuple[str, ...] = OPERATORS) -> list[Finding]:
    return [compared(op, bound, tpp=stored) for op in operators]


def bounded(low: str, value: str, high: str) -> dict[str, str]:
    return {"low": low, "value": value, "high": high}


@pytest.mark.parametrize(
    ("tpp", "expected"),
    [
        ("4799.9", [NO, NO, YES, YES, NO, YES]),
        ("4800", [YES, NO, YES, NO, YES, NO]),
        ("4800.0", [YES, NO, YES, NO, YES, NO]),
        ("4800.1", [YES, YES, NO, NO, NO, YES]),
    ],
)
def test_an_exact_figure_is_above_below_or_equal(tpp: str, expected: list[Finding]) -> None:
    assert verdicts(tpp, "4800") == expected


@pytest.mark.parametrize(
    ("tpp", "expected"),
    [
        # beside the bound
        (bounded("4480", "4500", "4799"), [NO, NO, YES, YES, NO, YES]),
        (bounded("4801", "6016", "6400"), [YES, YES, NO, NO, NO, YES]),
        # across it
        (bounded("4480", "6016", "6400"), [UNKNOWN] * 6),
        # touching it from below, at the value or at the high alone
        (bounded("4480", "4500", "4800"), [UNKNOWN, NO, YES, UNKNOWN, UNKNOWN, UNKNOWN]),
        (bounded("4480", "4800", "4800"), [UNKNOWN, NO, YES, UNKNOWN, UNKNOWN, UNKNOWN]),
        # touching it from above
        (bounded("4800", "6016", "6400"), [YES, UNKNOWN, UNKNOWN, NO, UNKNOWN, UNKNOWN]),
        (bounded("4800", "4800", "6400"), [YES, UNKNOWN, UNKNOWN, NO, UNKNOWN, UNKNOWN]),
        # bounds written out and equal
        (bounded("4800", "4800", "4800"), [YES, NO, YES, NO, YES, NO]),
        # a bound left out is the value
        ({"value": "4800", "high": "4900"}, [YES, UNKNOWN, UNKNOWN, NO, UNKNOWN, UNKNOWN]),
    ],
)
def test_a_range_says_yes_where_all_of_it_does_and_no_where_none_does(
    tpp: dict[str, str], expected: list[Finding]
) -> None:
    assert verdicts(tpp, "4800") == expected


@pytest.mark.parametrize("bound", ["-1", "0", "4800"])
def test_an_unquantified_figure_is_undetermined_whatever_the_bound(bound: str) -> None:
    assert verdicts(None, bound) == [UNKNOWN] * 6


def test_an_attribute_nobody_gave_is_undetermined() -> None:
    assert [compared(op, "4800", memory_gb="80") for op in OPERATORS] == [UNKNOWN] * 6


@pytest.mark.parametrize(
    ("stored", "bound"),
    [
        (True, "1"),
        ({"text": "4800"}, "4800"),
        ("1", True),
        ({"text": "true"}, True),
        ("4800", {"text": "4800"}),
        (False, {"text": "false"}),
        (None, True),
        (None, {"text": "hbm3"}),
    ],
)
def test_an_attribute_of_another_kind_than_the_bound_is_undetermined(stored: Any, bound: Any) -> None:
    assert verdicts(stored, bound, ("==", "!=")) == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("op", [">=", ">", "<=", "<"])
def test_a_word_or_a_truth_is_neither_above_nor_below_a_number(op: str) -> None:
    assert compared(op, "0", tpp=True) == UNKNOWN
    assert compared(op, "0", tpp={"text": "high"}) == UNKNOWN


@pytest.mark.parametrize(
    ("stored", "bound", "equal"),
    [
        (True, True, YES),
        (False, True, NO),
        (False, False, YES),
        ({"text": "hbm3"}, {"text": "hbm3"}, YES),
        ({"text": "hbm3"}, {"text": "HBM3"}, NO),
    ],
)
def test_truths_and_words_are_equal_or_not(stored: Any, bound: Any, equal: Finding) -> None:
    assert verdicts(stored, bound, ("==", "!=")) == [equal, NO if equal == YES else YES]


def test_zero_is_a_figure_and_not_a_falsehood() -> None:
    assert verdicts("0", "0") == [YES, NO, YES, NO, YES, NO]
    assert verdicts("0", False, ("==",)) == [UNKNOWN]


HIGH = {"attribute": "tpp", "op": ">=", "value": "4800"}
DENSE = {"attribute": "performance_density", "op": ">=", "value": "5.92"}
DATACENTRE = {"attribute": "datacentre", "op": "==", "value": True}


def held(predicate: dict[str, Any], **stored: Any) -> Finding:
    return evaluate(parse_predicate(predicate), attributes_of(stored))


def test_all_any_and_not_combine_as_and_or_and_not() -> None:
    assert held({"all": [HIGH, DENSE]}, tpp="4800", performance_density="6") == YES
    assert held({"all": [HIGH, DENSE]}, tpp="4800", performance_density="5") == NO
    assert held({"any": [HIGH, DENSE]}, tpp="4799", performance_density="6") == YES
    assert held({"any": [HIGH, DENSE]}, tpp="4799", performance_density="5") == NO
    assert held({"not": HIGH}, tpp="4799") == YES
    assert held({"not": HIGH}) == UNKNOWN


def test_what_cannot_change_the_verdict_is_not_missing() -> None:
    assert held({"all": [HIGH, DATACENTRE]}, datacentre=False) == NO
    assert held({"any": [HIGH, DATACENTRE]}, datacentre=True) == YES


def test_missing_are_the_undetermined_parts_and_no_others() -> None:
    assert held({"all": [HIGH, DENSE, DATACENTRE]}, datacentre=True) == undetermined("performance_density", "tpp")
    assert held({"any": [HIGH, {"all": [DENSE, DATACENTRE]}]}, datacentre=False) == UNKNOWN
    assert held({"not": {"any": [HIGH, DENSE]}}, performance_density=None, tpp="100") == undetermined(
        "performance_density"
    )


def test_a_stored_predicate_is_read_as_a_sent_one() -> None:
    word = {"attribute": "memory", "op": "!=", "value": {"text": "hbm3"}}
    stored = {"all": [{"any": [HIGH, {"not": DENSE}]}, DATACENTRE, word]}
    assert predicate_of(stored) == parse_predicate(stored)


def test_a_stored_predicate_is_read_though_it_would_no_longer_be_accepted() -> None:
    stored = {"attribute": "tpp", "op": ">=", "value": "12345678901.1234567"}
    with pytest.raises(ValueError):
        parse_predicate(stored)
    assert evaluate(predicate_of(stored), attributes_of({"tpp": "12345678901.1234567"})) == YES


def test_figures_are_compared_exactly() -> None:
    assert verdicts(bounded("999999999.999999", "999999999.999999", "999999999.999999"), "999999999.999998")[:2] == [
        YES,
        YES,
    ]


# Many comparisons beside one another


def one_by_one(predicate: Predicate, known: Attributes) -> Finding:
    """What a predicate comes to where each comparison is looked at by itself."""
    if isinstance(predicate, Comparison):
        return evaluate(predicate, known)
    if isinstance(predicate, Not):
        return negation(one_by_one(predicate.part, known))
    combine = some if isinstance(predicate, Some) else every
    return combine(one_by_one(part, known) for part in predicate.parts)


wide = st.lists(comparisons(), min_size=2, max_size=8).flatmap(
    lambda parts: st.sampled_from([{"any": parts}, {"all": parts}])
)


@given(predicate=wide | st.recursive(wide, nested, max_leaves=4), stored=attributes)
def test_comparisons_beside_one_another_say_what_each_says(predicate: dict[str, Any], stored: dict[str, Any]) -> None:
    read, known = predicate_of(predicate), attributes_of(stored)
    assert evaluate(read, known) == one_by_one(read, known)


@pytest.mark.parametrize(("word", "number"), [(True, "1"), (False, "0")])
@pytest.mark.parametrize("form", ["any", "all"])
def test_true_and_1_beside_one_another_are_two_bounds(form: str, word: bool, number: str) -> None:
    parts = [{"attribute": "tpp", "op": "!=", "value": value} for value in (word, number)]
    for read in (predicate_of({form: parts}), predicate_of({form: parts[::-1]})):
        for stored in ("5", number, word):
            known = attributes_of({"tpp": stored})
            assert evaluate(read, known) == one_by_one(read, known)


@pytest.mark.parametrize("form", ["any", "all"])
@pytest.mark.parametrize("op", OPERATORS)
def test_more_bounds_of_the_same_attributes_take_no_longer(op: str, form: str) -> None:
    # All are undetermined: nothing is decided before the last of them.
    known = attributes_of({f"a{n}": bounded("0", "1", "999999") for n in range(60)})

    def prepare(length: int) -> Act:
        parts = [{"attribute": f"a{n % 60}", "op": op, "value": str(1 + n)} for n in range(length)]
        judge = compile_predicate(predicate_of({form: parts}))

        def act() -> None:
            for _ in range(50):
                assert judge(known).missing == known.keys()

        return act

    assert_no_dearer(prepare(12_000), prepare(1_200), times=4)
