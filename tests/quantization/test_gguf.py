"""Sizes of GGUF files before they exist, against figures that llama.cpp's authors and publishers print."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import catalog
from planner.architecture.tensors import Architecture
from planner.quantization.gguf import GgufFile, file_range, file_types, gguf_file
from planner.quantization.gguf_mix import NEWEST, block, era


def model(name: str) -> Architecture:
    return catalog.find(name).architecture


def file(name: str, file_type: str, imatrix: bool | None = None) -> GgufFile:
    return gguf_file(model(name), file_type, imatrix)


# https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md, the table for Llama 3.1 8B
BITS_PER_WEIGHT = {
    "IQ1_S": 2.0042, "IQ1_M": 2.1460, "IQ2_XXS": 2.3824, "IQ2_XS": 2.5882, "IQ2_S": 2.7403, "IQ2_M": 2.9294,
    "IQ3_XXS": 3.2548, "IQ3_XS": 3.4977,
    "IQ3_S": 3.6606, "IQ3_M": 3.7628, "Q2_K_S": 2.9697, "Q2_K": 3.1593, "Q3_K_S": 3.6429, "Q3_K_M": 3.9960,
    "Q3_K_L": 4.2979, "IQ4_XS": 4.4597,
    "IQ4_NL": 4.6818, "Q4_K_S": 4.6672, "Q4_K_M": 4.8944, "Q5_K_S": 5.5704, "Q5_K_M": 5.7036, "Q6_K": 6.5633,
    "Q8_0": 8.5008, "F16": 16.0005,
}  # fmt: skip


@pytest.mark.parametrize(("file_type", "bits"), BITS_PER_WEIGHT.items())
def test_bits_per_weight_of_llama_3_1_8b_are_those_that_llama_cpp_prints(file_type: str, bits: float) -> None:
    assert round(file("meta-llama/Llama-3.1-8B", file_type, imatrix=file_type == "IQ3_XXS").bits_per_weight, 4) == bits


@pytest.mark.parametrize(
    ("name", "file_type", "imatrix", "published"),
    [  # bytes of published files, from their pointers on the Hub
        ("meta-llama/Meta-Llama-3-8B", "Q4_K_M", False, 4_920_733_952),
        ("Qwen/Qwen2.5-14B", "Q4_K_M", False, 8_988_110_272),
        ("Qwen/QwQ-32B", "IQ4_XS", True, 17_693_154_112),
        ("meta-llama/Llama-2-7b-hf", "Q4_K_M", False, 4_081_004_384),
        ("google/gemma-2-27b-it", "Q4_K_M", False, 16_645_381_792),
    ],
)
def test_files_are_within_a_few_kilobytes_of_the_published_ones(
    name: str, file_type: str, imatrix: bool, published: int
) -> None:
    predicted = file(name, file_type, imatrix).file_bytes
    assert abs(predicted.expected - published) < 100_000
    assert predicted.low <= published <= predicted.high


def test_a_tied_output_is_not_in_the_file_but_on_the_gpu() -> None:
    tied = file("google/gemma-3-1b-it", "Q4_K_M")
    assert tied.tied
    assert tied.gpu_output_bytes >= tied.embedding_bytes > tied.output_bytes


def test_rows_that_blocks_do_not_divide_take_larger_types() -> None:
    """Falcon's 4544 and Gemma 3 1B's 1152 are no multiples of 256: their output falls back to 8 bits in every quantized
    file.
    """
    small = file("google/gemma-3-1b-it", "IQ2_XXS")
    assert small.embedding_bytes == 262_144 * 1152 // 32 * 34


def test_experts_published_in_mxfp4_keep_it() -> None:
    kept = file("openai/gpt-oss-20b", "Q4_K_M")
    assert kept.tensor_bytes == 11_611_750_656
    assert file("openai/gpt-oss-20b", "F16").tensor_bytes == 13_779_630_336
    assert sum(layer.experts for layer in kept.layers) == 24 * 32 * (3 * 2880 * 2880 // 32 * 17 + 3 * 2880 * 4)


def test_latent_attention_is_stored_split() -> None:
    """The half for the keys has rows of 128, which blocks of 256 do not divide."""
    deepseek = file("deepseek-ai/DeepSeek-V3", "F16")
    assert deepseek.tensors == 1086
    assert deepseek.parameters == 671_026_419_200


def test_hybrids_with_recurrent_first_layers_get_no_bits_for_shared_heads() -> None:
    """llama.cpp asks layer 0 for its heads;

    Nemotron-H begins with Mamba, so IQ3_S leaves its values at the base type.
    """
    nemotron = file("nvidia/Nemotron-H-8B-Base-8K", "IQ3_S")
    attention = next(
        layer
        for layer in model("nvidia/Nemotron-H-8B-Base-8K").main.layers
        if layer.mixers and layer.mixers[0].kind == "attention"
    )
    at = model("nvidia/Nemotron-H-8B-Base-8K").main.layers.index(attention)
    matrices = sum(tensor.elements for tensor in attention.all_tensors if tensor.is_matrix)
    small = sum(tensor.elements for tensor in attention.all_tensors if not tensor.is_matrix)
    assert nemotron.layers[at].dense == matrices // 256 * 110 + 4 * small


def test_linear_layers_values_get_the_bits_of_values() -> None:
    """Of Qwen3.5 27B's 64 layers each has a tensor of the values' kind; Q4_K_M gives half of them more bits."""
    kinds = {layer.dense for layer in file("Qwen/Qwen3.5-27B", "Q4_K_M").layers}
    assert len(kinds) == 4


def test_a_70b_class_model_gets_more_bits_for_its_values() -> None:
    llama = file("meta-llama/Meta-Llama-3-70B", "Q4_K_M")
    assert llama.tensor_bytes == 42_512_531_456


def test_every_type_of_every_family_is_a_whole_number_of_blocks() -> None:
    for name in ("google/gemma-4-E2B-it", "tiiuae/falcon-7b", "mistralai/Mixtral-8x7B-v0.1"):
        sizes = {file_type: file(name, file_type) for file_type in file_types()}
        assert all(size.tensor_bytes > 0 for size in sizes.values())
        assert (
            sizes["F32"].tensor_bytes
            > sizes["F16"].tensor_bytes
            > sizes["Q8_0"].tensor_bytes
            > sizes["Q4_K_M"].tensor_bytes
            > sizes["IQ1_S"].tensor_bytes
        )
        assert all(size.bits_per_weight >= 8 * block("IQ1_S")[1] / block("IQ1_S")[0] for size in sizes.values())
        for size in sizes.values():
            assert all(layer.gpu_dense >= layer.dense and layer.gpu_experts >= layer.experts for layer in size.layers)
            assert size.file_bytes.low <= size.file_bytes.expected <= size.file_bytes.high


@pytest.mark.parametrize(
    ("name", "file_type", "build", "published_gb"),
    [  # files of 2023 and January 2024, whose mixes have changed since
        ("huggyllama/llama-13b", "Q2_K", 1200, 5.43),
        ("mistralai/Mixtral-8x7B-v0.1", "IQ2_XXS", 1970, 12.28),
    ],
)
def test_old_files_follow_the_mixes_of_their_time(name: str, file_type: str, build: int, published_gb: float) -> None:
    assert round(gguf_file(model(name), file_type, None, era(build)).file_bytes.expected / 1e9, 2) == published_gb


def test_builds_of_one_time_share_their_file() -> None:
    assert era(1) == 0 < era(1861) == era(1900) < era(2301) == era(NEWEST)
    llama = model("meta-llama/Llama-2-7b-hf")
    assert gguf_file(llama, "Q2_K", None, era(1200)).tensor_bytes > gguf_file(llama, "Q2_K").tensor_bytes


def test_a_file_of_unknown_making_may_have_an_importance_matrix_or_not() -> None:
    """Q4_0 of Llama 3.1 70B is published with 39.97 and with 40.12 GB."""
    unknown = file_range(model("meta-llama/Llama-3.1-70B-Instruct"), "Q4_0", None, NEWEST)
    assert unknown.low < 39_970_000_000 < 40_116_000_000 < unknown.high
    known = file_range(model("meta-llama/Llama-3.1-70B-Instruct"), "Q4_0", False, NEWEST)
    assert known.high < 40_000_000_000


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(catalog.models())), st.sampled_from(file_types()))
def test_every_model_has_a_plausible_file_of_every_type(name: str, file_type: str) -> None:
    """Nothing is smaller than the tightest blocks or larger than 32 bit, and no type is larger than 16 bit but F32
    itself.
    """
    architecture = model(name)
    made, whole = gguf_file(architecture, file_type), gguf_file(architecture, "F32")
    assert 1.5 <= made.bits_per_weight <= 32.01
    assert made.tensor_bytes <= (whole if file_type == "F32" else gguf_file(architecture, "F16")).tensor_bytes
    assert made.parameters == whole.parameters
    assert (
        sum(layer.dense + layer.experts for layer in made.layers) + made.embedding_bytes + made.output_bytes
        <= made.tensor_bytes
    )
    assert made.file_bytes.low >= made.tensor_bytes


@pytest.mark.parametrize(
    ("variant", "published_gb"),
    [("Q2_K_L", 3.69), ("Q3_K_XL", 4.78), ("Q4_K_L", 5.31), ("Q5_K_L", 6.06), ("Q6_K_L", 6.85)],
)
def test_publishers_variants_hold_embedding_and_output_in_8_bits(variant: str, published_gb: float) -> None:
    """https://huggingface.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF"""
    assert round(file("meta-llama/Llama-3.1-8B-Instruct", variant).file_bytes.expected / 1e9, 2) == published_gb
    assert variant not in file_types()
