"""The tape against autograd worked out by hand."""

from planner.training.tape import Tape


def test_a_linear_layer_keeps_its_input_and_leaves_its_gradient() -> None:
    tape = Tape(100)
    tape.add(300, tape.input, kept=[tape.input], gradient=50)
    run = tape.run()
    assert run.kept == 100
    assert run.forward_peak == 300
    # kept input 100, incoming gradient 300, gradients of input 100 and weight 50
    assert run.backward_peak == 100 + 300 + 100 + 50
    assert run.gradients == 50


def test_a_frozen_chain_keeps_nothing() -> None:
    tape = Tape(100)
    tape.add(100, tape.add(300, tape.input))
    run = tape.run()
    assert run.kept == 0
    assert run.forward_peak == 400
    assert run.gradients == 0


def test_an_addition_hands_one_gradient_to_both_and_a_second_one_is_added_to_it() -> None:
    tape = Tape(100)
    branch = tape.add(100, tape.input, keeps_output=True)
    tape.add(100, tape.input, branch, shares=True)
    run = tape.run()
    assert run.kept == 100
    # kept 100; the incoming 100 is the input's gradient already; the branch makes 100 more, and their sum cannot be in
    # place: the first is shared
    assert run.backward_peak in (300, 400)


def test_passing_gradients_do_not_stay() -> None:
    tape = Tape(10)
    tape.add(10, tape.add(10, tape.input, gradient=1_000), gradient=1_000)
    assert tape.run().backward_peak == 10 + 10 + 10 + 2_000 - 10
    assert tape.run(passing=True).backward_peak == 10 + 10 + 1_000
