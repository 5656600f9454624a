"""vLLM's pages by hand: groups, padding, pages of narrower layers, windows, states and indexers."""

from planner import PlanRequest, plan
from planner.engines.vllm.pages import Kind, kinds, paging
from planner.plan import Plan


def ask(model: str, **fields: object) -> Plan:
    return plan(PlanRequest.read({"model": model, "engine": "vllm", "gpus": "H200", "context": 8192, **fields}))


def test_gemma_3_27b_is_seven_groups_of_ten_with_eight_layers_of_padding() -> None:
    layout = paging((Kind(52, 8192.0, 0, 1024), Kind(10, 8192.0, 0, None)), True, 8192)
    assert (layout.group_count, layout.block_bytes) == (7, 10 * 16 * 8192)
    assert layout.blocks(8192, 8192) == 7 * 512
    assert layout.blocks(131_072, 8192) == 8192 + 6 * (576 + 1)


def test_pages_of_narrower_layers_hold_more_tokens() -> None:
    """Gemma 4: full layers have half the width, so a page of theirs is 32 tokens long."""
    layout = paging((Kind(50, 16_384.0, 0, 1024), Kind(10, 8192.0, 0, None)), True, 262_144)
    assert layout.blocks(262_144, 2048) == 262_144 // 32 + 5 * (-(-(1023 + 2048) // 16) + 1)


def test_layers_that_all_attend_in_full_are_one_group_whatever_their_widths() -> None:
    layout = paging((Kind(21, 1284.0, 0, None), Kind(57, 1152.0, 0, None)), True, 8192)
    assert (layout.group_count, layout.block_bytes) == (1, 16 * (21 * 1284 + 57 * 1152))
    assert layout.blocks(8192, 8192) == 512


def test_an_indexer_is_cached_in_8_bit_with_its_scales() -> None:
    found = kinds(ask("zai-org/GLM-5", gpus="16x H200").architecture.main.distinct, 8, (1, 2))
    assert [kind.token_bytes for kind in found] == [2 * 576 + 132]


def test_what_a_window_keeps_and_what_grows_are_counted_apart() -> None:
    """DeepSeek V4 keeps a window beside compressed entries: a long request grows by the latter alone."""
    found = kinds(ask("deepseek-ai/DeepSeek-V4-Flash", gpus="8x H200").architecture.main.distinct, 8, (1, 2))
    assert {kind.window for kind in found} == {128, None}
    grows = sum(kind.layers * kind.token_bytes for kind in found if kind.window is None)
    keeps = sum(kind.layers * kind.token_bytes for kind in found if kind.window)
    assert grows < keeps / 5


def test_states_are_in_16_bit_unless_the_config_asks_for_32() -> None:
    """Qwen3.5 asks for it: its attention's page grows to 1,056 tokens where Qwen3-Next, whose states are as large, has
    544.
    """
    for model, block in (("Qwen/Qwen3.5-35B-A3B", 1056), ("Qwen/Qwen3-Next-80B-A3B-Instruct", 544)):
        model_layers = ask(model, gpus="2x H200", tensor_parallel=1, pipeline_parallel=2).architecture
        layout = paging(kinds(model_layers.main.distinct, 1, (1, 2), model_layers.wide_states), True, 8192)
        assert layout.block_tokens == block


def test_the_token_line_undercounts_a_hybrid_up_to_0_20_and_follows_concurrency_after() -> None:
    old, new = (ask("Qwen/Qwen3.5-35B-A3B", engine_version=version).memory.pool for version in ("0.20.0", "0.21.0"))
    assert old is not None
    assert new is not None
    assert old.tokens < 0.5 * old.sequences * 8192
    assert new.tokens == int(new.sequences * 8192)


def test_chunked_layers_were_kept_in_full_until_they_had_groups_of_their_own() -> None:
    """Llama 4 has 36 layers of 48 that attend within 8,192 tokens."""
    old, new = (
        ask(
            "RedHatAI/Llama-4-Scout-17B-16E-Instruct-FP8-dynamic",
            gpus="8x H200",
            tensor_parallel=8,
            context=131_072,
            engine_version=version,
        ).memory.pool
        for version in ("0.11.0", "0.17.0")
    )
    assert old is not None
    assert new is not None
    assert old.sequences < 0.4 * new.sequences
    assert abs(old.sequences - old.tokens / 131_072) < 0.01
