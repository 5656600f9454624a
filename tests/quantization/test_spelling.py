"""Formats as people, publishers and llama.cpp itself write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.engines.info import engines
from planner.engines.registry import engine
from planner.quantization.gguf import canonical, file_types
from planner.quantization.gguf_mix import variants
from planner.quantization.spelling import known, split, whole


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("Q4_K - Medium", "Q4_K_M"),
        ("Q4_K - Small", "Q4_K_S"),
        ("Q3_K - Large", "Q3_K_L"),
        ("Q2_K - Medium", "Q2_K"),
        ("Q5_K", "Q5_K_M"),
        ("Q4_K", "Q4_K_M"),
        ("Q3_K", "Q3_K_M"),
        ("Q8", "Q8_0"),
        ("q4", "Q4_K_M"),
        ("Q6", "Q6_K"),
        ("q5", "Q5_K_M"),
        ("q4_k_m", "Q4_K_M"),
        ("Q4KM", "Q4_K_M"),
        ("q5-k-m", "Q5_K_M"),
        ("Q5 K M", "Q5_K_M"),
        ("q8 0", "Q8_0"),
        ("IQ4_XS - 4.25 bpw", "IQ4_XS"),
        ("iq4xs", "IQ4_XS"),
        ("IQ3_S mix - 3.66 bpw", "IQ3_M"),
        ("IQ2_XXS - 2.0625 bpw", "IQ2_XXS"),
        ("TQ1_0 - 1.69 bpw ternary", "TQ1_0"),
        ("Q4_0_4_8", "Q4_0"),
        ("i1-Q4_K_M", "Q4_K_M"),
        ("UD-Q4_K_XL", "Q4_K_M"),
        ("UD-IQ2_M", "IQ2_M"),
        ("Q8_K_XL", "Q8_0"),
        ("UD-Q3_K_XL", "Q3_K_M"),
        ("Q4_K_L", "Q4_K_L"),
        ("Q3_K_XL", "Q3_K_XL"),
        ("Q4_K_M.gguf", "Q4_K_M"),
        ("QAT", "Q4_0"),
        ("AWQ", "awq-int4"),
        ("awq int4", "awq-int4"),
        ("AWQ-4bit", "awq-int4"),
        ("GPTQ", "gptq-int4"),
        ("GPTQ-Int8", "gptq-int8"),
        ("gptq 8bit", "gptq-int8"),
        ("gptq-4bit-128g", "gptq-int4"),
        ("W4A16", "gptq-int4"),
        ("w8a8", "int8"),
        ("FP8-dynamic", "fp8"),
        ("FP8-W8A8", "fp8"),
        ("AWQ-W4A16", "awq-int4"),
        ("fp8_e4m3", "fp8"),
        ("NVFP4", "nvfp4"),
        ("MXFP4", "mxfp4"),
        ("mxfp4_moe", "mxfp4"),
        ("bnb-4bit", "nf4-dq"),
        ("bitsandbytes 8-bit", "int8"),
        ("NF4", "nf4"),
        ("bfloat16", "bf16"),
        ("f16", "fp16"),
        ("half", "fp16"),
        ("mlx 4bit", "mlx-4bit"),
        ("MLX-8bit", "mlx-8bit"),
        ("mlx-q6", "mlx-6bit"),
        ("4-bit mlx", "mlx-4bit"),
    ],
)
def test_a_format_is_read_in_any_spelling(text: str, format: str) -> None:
    found = whole(text)
    assert found is not None
    assert found.format == format


@pytest.mark.parametrize("text", ["4bit", "4-bit", "4 bit", "int4", "INT4", "int-4", "4bits"])
def test_bits_alone_are_each_engine_s_usual_format(text: str) -> None:
    found = whole(text)
    assert found is not None
    usual = {"llama.cpp": "Q4_K_M", "ollama": "Q4_K_M", "vllm": "awq-int4", "transformers": "nf4", "mlx": "mlx-4bit"}
    assert {name: found.on(name) for name in usual} == usual


def test_every_width_that_an_engine_has_is_one_of_its_formats() -> None:
    for name, info in engines().items():
        for bits in (2, 3, 4, 5, 6, 8, 16):
            format = info.of_width(bits)
            assert not format or format in engine(name).formats() or canonical(format) in engine(name).formats(), (
                name,
                bits,
                format,
            )


def test_only_a_mix_that_is_made_for_each_model_has_a_caveat() -> None:
    assert "-6% to +15%" in whole("UD-Q4_K_XL").note  # type: ignore[union-attr]
    assert all(whole(name).note == "" for name in file_types())  # type: ignore[union-attr]


def test_a_weighted_file_is_one_with_an_importance_matrix() -> None:
    for text in ("i1-Q4_K_M", "Q4_K_M imatrix", "Q4_K_M-imat"):
        assert whole(text).imatrix, text  # type: ignore[union-attr]
    assert not whole("Q4_K_M").imatrix  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text", ["", "hello", "70b", "Q7_K", "Q9", "llama3", "instruct", "3.1", "Q4_K_M please", "it", "0", "bit", "64bit"]
)
def test_anything_else_is_no_format(text: str) -> None:
    assert whole(text) is None


@pytest.mark.parametrize(
    ("text", "rest", "format"),
    [
        ("llama3.1:8b-instruct-q4_K_M", "llama3.1 8b instruct", "Q4_K_M"),
        ("Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL", "Qwen3 30B A3B Instruct 2507", "Q4_K_M"),
        ("llama-2-7b.Q5_K_M.gguf", "llama 2 7b", "Q5_K_M"),
        ("Qwen3-14B", "Qwen3 14B", None),
        ("QwQ-32B", "QwQ 32B", None),
        ("t5-base", "t5 base", None),
        ("Llama-3.2-3B-unsloth-bnb-4bit", "Llama 3.2 3B", "nf4-dq"),
        ("gemma-3-27b-it-qat-q4_0-gguf", "gemma 3 27b it", "Q4_0"),
        ("Meta-Llama-3.1-70B-Instruct-quantized.w4a16", "Meta Llama 3.1 70B Instruct", "gptq-int4"),
    ],
)
def test_a_name_is_parted_from_its_format(text: str, rest: str, format: str | None) -> None:
    left, found = split(text)
    words = [word for word in left.replace(":", " ").replace("-", " ").replace(". ", " ").split() if word.strip(".")]
    assert " ".join(words) == rest
    assert (found.format if found else None) == format


@pytest.mark.parametrize("name", [*file_types(), *variants()])
def test_every_gguf_type_is_known_by_its_own_name_in_any_case(name: str) -> None:
    for spelled in (name, name.lower(), name.replace("_", "-"), name.replace("_", "")):
        found = whole(spelled)
        assert found is not None, spelled
        assert canonical(found.format) == name, spelled
    assert known(name)


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    rest, found = split(text)
    assert found is not None or rest == text
