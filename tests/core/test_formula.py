"""A formula's text and its number are one."""

import pytest

from planner.core.formula import Formula, evaluate, total


def test_a_step_prints_the_calculation_that_it_made() -> None:
    step = Formula("ceil(tokens / block) * block * (key + value)", "bytes")(
        "Cache", tokens=17, block=16, key=3, value=4
    )
    assert step.value == 224
    assert step.expression == "ceil(17 / 16) * 16 * (3 + 4)"
    assert evaluate(step.expression) == step.value


def test_names_inside_other_names_are_left_alone() -> None:
    step = Formula("max(a, max_a) + ab * a", "")("", a=2, ab=3, max_a=7)
    assert (step.expression, step.value) == ("max(2, 7) + 3 * 2", 13)


def test_negative_and_fractional_operands_survive_printing() -> None:
    step = Formula("a - b", "")("", a=0.1, b=-1e-9)
    assert evaluate(step.expression) == step.value


@pytest.mark.parametrize("parts", [[], [5], [1, 2, 3]])
def test_a_sum_is_the_sum_of_its_parts(parts: list[int]) -> None:
    step = total("Sum", parts)
    assert evaluate(step.expression) == step.value == sum(parts)


def test_expressions_reach_nothing_but_arithmetic() -> None:
    with pytest.raises(NameError):
        evaluate("open('x')")
    with pytest.raises(NameError):
        evaluate("__import__('os')")
