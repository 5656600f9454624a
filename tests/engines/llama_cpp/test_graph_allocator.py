"""The allocator of ggml, on graphs small enough to lay out by hand."""

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.engines.llama_cpp.allocator import ALIGNMENT, Graph


def peak(graph: Graph) -> int:
    sizes, gaps = graph.fullest()
    return sum(sizes) + gaps


def test_a_chain_needs_two_neighbours_at_once() -> None:
    graph = Graph()
    first = graph.add(1024)
    second = graph.add(2048, first)
    graph.add(1024, second)
    assert peak(graph) == 1024 + 2048


def test_a_result_that_may_overwrite_its_last_parent_takes_no_place() -> None:
    graph = Graph()
    first = graph.add(1024)
    graph.add(1024, first, inplace=True)
    assert peak(graph) == 1024


def test_a_parent_that_is_needed_later_is_not_overwritten() -> None:
    graph = Graph()
    first = graph.add(1024)
    second = graph.add(1024, first, inplace=True)
    graph.add(1024, second, first)
    assert peak(graph) == 3 * 1024


def test_a_hole_that_is_too_small_stays_a_gap() -> None:
    graph = Graph()
    small, kept = graph.add(1024), graph.add(1024)
    graph.add(0, small)
    graph.add(2048, kept)
    assert graph.fullest() == ((2048, 1024), 1024)


def test_a_freed_neighbour_widens_the_hole() -> None:
    graph = Graph()
    one, two, kept = graph.add(1024), graph.add(1024), graph.add(1024)
    graph.add(0, one, two)
    graph.add(2048, kept)
    assert peak(graph) == 3 * 1024


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 5_000), st.lists(st.integers(0, 30), max_size=3), st.booleans()),
        min_size=1,
        max_size=31,
    )
)
def test_the_buffer_is_never_smaller_than_any_step_nor_larger_than_all_together(
    raw: list[tuple[int, list[int], bool]],
) -> None:
    graph = Graph()
    for index, (size, reads, inplace) in enumerate(raw):
        graph.add(size, *{read for read in reads if read < index}, inplace=inplace)
    sizes = [node.size for node in graph.nodes]
    assert all(size % ALIGNMENT == 0 for size in sizes)
    assert max(sizes) <= peak(graph) <= sum(sizes)


def test_a_result_that_takes_over_the_front_of_a_larger_one_gives_the_rest_back() -> None:
    """1,280 bytes, of which 1,024 are kept: the next result finds the 256 behind them, and the buffer does not grow."""
    graph = Graph()
    large = graph.add(1_280)
    kept = graph.add(1_024, large, front=True)
    beside = graph.add(256)
    graph.add(0, kept, beside)
    sizes, gaps = graph.fullest()
    assert sum(sizes) + gaps == 1_280
