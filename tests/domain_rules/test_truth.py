"""Kleene's strong three-valued logic, table by table, and what an undetermined verdict waits for."""

from itertools import product

import pytest

from domain.truth import NO, YES, Finding, Truth, agreement, every, negation, some, undetermined

N, U, Y = Truth.NO, Truth.UNDETERMINED, Truth.YES

AND = {
    (N, N): N,
    (N, U): N,
    (N, Y): N,
    (U, N): N,
    (U, U): U,
    (U, Y): U,
    (Y, N): N,
    (Y, U): U,
    (Y, Y): Y,
}
OR = {
    (N, N): N,
    (N, U): U,
    (N, Y): Y,
    (U, N): U,
    (U, U): U,
    (U, Y): Y,
    (Y, N): Y,
    (Y, U): Y,
    (Y, Y): Y,
}
NOT = {N: Y, U: U, Y: N}


@pytest.mark.parametrize(("pair", "expected"), AND.items())
def test_and_is_the_least(pair: tuple[Truth, Truth], expected: Truth) -> None:
    assert pair[0] & pair[1] is expected
    assert every(map(Finding, pair)).truth is expected


@pytest.mark.parametrize(("pair", "expected"), OR.items())
def test_or_is_the_greatest(pair: tuple[Truth, Truth], expected: Truth) -> None:
    assert pair[0] | pair[1] is expected
    assert some(map(Finding, pair)).truth is expected


@pytest.mark.parametrize(("truth", "expected"), NOT.items())
def test_not_turns_yes_and_no_around(truth: Truth, expected: Truth) -> None:
    assert ~truth is expected
    assert negation(Finding(truth)).truth is expected


def test_the_order_is_no_undetermined_yes() -> None:
    assert sorted([Y, N, U]) == [N, U, Y]


@pytest.mark.parametrize(("a", "b"), list(product(Truth, repeat=2)))
def test_not_of_an_and_is_the_or_of_the_nots(a: Truth, b: Truth) -> None:
    assert ~(a & b) is ~a | ~b


def test_a_verdict_is_not_taken_for_true_or_false() -> None:
    with pytest.raises(TypeError, match="may be undetermined"):
        bool(U)


def test_and_of_nothing_is_yes_and_or_of_nothing_is_no() -> None:
    assert every([]) == YES
    assert some([]) == NO


TPP, COUNTRY = undetermined("tpp"), undetermined("country")
DIFFERS = Finding(U)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([YES, TPP, COUNTRY], undetermined("country", "tpp")),
        ([TPP, TPP], TPP),
        ([TPP, DIFFERS], TPP),
        ([DIFFERS, TPP], TPP),
        ([TPP, COUNTRY, TPP], undetermined("country", "tpp")),
        ([TPP, NO], NO),
        ([NO, TPP], NO),
    ],
)
def test_an_and_lacks_what_its_parts_lack_unless_it_is_no(findings: list[Finding], expected: Finding) -> None:
    assert every(findings) == expected


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([NO, TPP, COUNTRY], undetermined("country", "tpp")),
        ([TPP, YES], YES),
        ([YES, TPP], YES),
    ],
)
def test_an_or_lacks_what_its_parts_lack_unless_it_is_yes(findings: list[Finding], expected: Finding) -> None:
    assert some(findings) == expected


def test_a_not_lacks_what_its_part_lacks() -> None:
    assert negation(TPP) == TPP


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([YES], YES),
        ([YES, YES], YES),
        ([NO, NO, NO], NO),
        ([YES, NO], DIFFERS),
        ([YES, TPP], TPP),
        ([TPP, NO, COUNTRY], undetermined("country", "tpp")),
    ],
)
def test_several_agree_or_are_undetermined(findings: list[Finding], expected: Finding) -> None:
    assert agreement(findings) == expected


def test_agreements_agreed_on_are_the_agreement_of_all() -> None:
    everything = [YES, NO, TPP, COUNTRY, DIFFERS]
    for a, b, c in product(everything, repeat=3):
        assert agreement([agreement([a, b]), c]) == agreement([a, b, c])


def test_nobody_cannot_agree() -> None:
    with pytest.raises(ValueError, match="nothing to agree on"):
        agreement([])
