"""Names of models as people type them: every one means its model, in its format, and none that only resembles
one does.
"""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner import catalog
from planner.catalog.names import atoms, is_size
from planner.core.errors import PlanError
from planner.quantization.spelling import split

LLAMA_3_8B, LLAMA_3_70B, LLAMA_31_8B = (
    "meta-llama/Meta-Llama-3-8B",
    "meta-llama/Meta-Llama-3-70B-Instruct",
    "meta-llama/Meta-Llama-3.1-8B",
)
LLAMA_31_70B, LLAMA_33 = "meta-llama/Meta-Llama-3.1-70B", "meta-llama/Llama-3.3-70B-Instruct"
SCOUT, MAVERICK = "meta-llama/Llama-4-Scout-17B-16E-Instruct", "meta-llama/Llama-4-Maverick-17B-128E-Instruct"
QWEN3_30B, CODER_30B = "Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-Coder-30B-A3B-Instruct"
R1, MISTRAL_V2, MIXTRAL = "deepseek-ai/DeepSeek-R1", "mistralai/Mistral-7B-Instruct-v0.2", "mistralai/Mixtral-8x7B-v0.1"
GEMMA_12B, GEMMA_27B = "google/gemma-3-12b-it", "google/gemma-3-27b-it"

TYPED = [
    # words, in any order and spelling
    ("llama 3 70b", LLAMA_3_70B, ""),
    ("Llama-3-70B", LLAMA_3_70B, ""),
    ("70b llama3", LLAMA_3_70B, ""),
    ("LLAMA3 70B INSTRUCT", LLAMA_3_70B, ""),
    ("llama3.1 8b instruct", LLAMA_31_8B, ""),
    ("meta llama 3.1 8b", LLAMA_31_8B, ""),
    ("Llama 3.1 (8B)", LLAMA_31_8B, ""),
    ("llama 3.1 405b", "meta-llama/Meta-Llama-3.1-405B", ""),
    ("llama-3-1-8b-instruct", LLAMA_31_8B, ""),
    ("llama-v3p1-8b-instruct", LLAMA_31_8B, ""),
    ("llama 3.2 1b", "meta-llama/Llama-3.2-1B-Instruct", ""),
    ("llama 3.2 3b", "meta-llama/Llama-3.2-3B", ""),
    ("llama 3.2 vision", "meta-llama/Llama-3.2-11B-Vision-Instruct", ""),
    ("llama 3.3", LLAMA_33, ""),
    ("llama 4", SCOUT, ""),
    ("llama 4 scout", SCOUT, ""),
    ("maverick", MAVERICK, ""),
    ("llama 2 13b chat", "meta-llama/Llama-2-13b-hf", ""),
    ("llama 65b", "huggyllama/llama-65b", ""),
    ("code llama 34b", "codellama/CodeLlama-34b-Instruct-hf", ""),
    ("codellama", "codellama/CodeLlama-7b-Instruct-hf", ""),
    ("gemma 3", "google/gemma-3-4b-it", ""),
    ("gemma 3 27b", GEMMA_27B, ""),
    ("gemma3 12b", GEMMA_12B, ""),
    ("google gemma 3 1b", "google/gemma-3-1b-it", ""),
    ("gemma 3n e4b", "google/gemma-3n-E4B-it", ""),
    ("gemma 2 9b", "google/gemma-2-9b-it", ""),
    ("gemma 4 31b", "google/gemma-4-31B-it", ""),
    ("medgemma 27b", "google/medgemma-27b-text-it", ""),
    ("deepseek r1", R1, ""),
    ("deep seek r1", R1, ""),
    ("deepseekr1", R1, ""),
    ("DeepSeek V3", "deepseek-ai/DeepSeek-V3", ""),
    ("deepseek v3.1", "deepseek-ai/DeepSeek-V3.1", ""),
    ("r1 distill qwen 32b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", ""),
    ("deepseek-r1 14b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", ""),
    ("r1 70b", "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", ""),
    ("deepseek coder v2 lite", "deepseek-ai/DeepSeek-V2-Lite", ""),
    ("deepseek llm 7b", "deepseek-ai/deepseek-llm-7b-chat", ""),
    ("gpt oss 120b", "openai/gpt-oss-120b", ""),
    ("gptoss 20b", "openai/gpt-oss-20b", ""),
    ("gpt-oss", "openai/gpt-oss-20b", ""),
    ("openai gpt-oss 120B", "openai/gpt-oss-120b", ""),
    ("qwen3 32b", "Qwen/Qwen3-32B", ""),
    ("Qwen 3 30B A3B", QWEN3_30B, ""),
    ("qwen3 30ba3b", QWEN3_30B, ""),
    ("alibaba qwen3 8b", "Qwen/Qwen3-8B", ""),
    ("qwen 2.5 coder 32b", "Qwen/Qwen2.5-Coder-32B-Instruct", ""),
    ("qwen3 coder", CODER_30B, ""),
    ("qwen3 next", "Qwen/Qwen3-Next-80B-A3B-Instruct", ""),
    ("qwen 2.5 vl 7b", "Qwen/Qwen2.5-VL-7B-Instruct", ""),
    ("qwen3 235b", "Qwen/Qwen3-235B-A22B", ""),
    ("Qwen3-4B-Thinking-2507", "Qwen/Qwen3-4B-Instruct-2507", ""),
    ("qwen3.5 27b", "Qwen/Qwen3.5-27B", ""),
    ("qwq", "Qwen/QwQ-32B", ""),
    ("qwen 1.5 72b", "Qwen/Qwen1.5-72B-Chat", ""),
    ("qwen3 4 b", "Qwen/Qwen3-4B", ""),
    ("mistral 7b", "mistralai/Mistral-7B-Instruct-v0.3", ""),
    ("mistral 7b v0.3", "mistralai/Mistral-7B-Instruct-v0.3", ""),
    ("mistral nemo 12b", "mistralai/Mistral-Nemo-Instruct-2407", ""),
    ("mistral small 3.2", "mistralai/Mistral-Small-3.1-24B-Instruct-2503", ""),
    ("mistral large 2", "mistralai/Mistral-Large-Instruct-2407", ""),
    ("mixtral", MIXTRAL, ""),
    ("mixtral 8x22", "mistralai/Mixtral-8x22B-v0.1", ""),
    ("codestral 22b", "mistralai/Codestral-22B-v0.1", ""),
    ("devstral small", "mistralai/Devstral-Small-2505", ""),
    ("ministral 8b", "mistralai/Ministral-8B-Instruct-2410", ""),
    ("phi4 mini", "microsoft/Phi-4-mini-instruct", ""),
    ("phi 4", "microsoft/phi-4", ""),
    ("phi-3 medium", "microsoft/Phi-3-medium-4k-instruct", ""),
    ("phi 3.5 mini", "microsoft/Phi-3.5-mini-instruct", ""),
    ("kimi k2", "moonshotai/Kimi-K2-Instruct", ""),
    ("glm 4.5 air", "zai-org/GLM-4.5-Air", ""),
    ("glm-4.6", "zai-org/GLM-4.6", ""),
    ("minimax m2.5", "MiniMaxAI/MiniMax-M2.5", ""),
    ("command r+", "CohereLabs/c4ai-command-r-plus", ""),
    ("cohere command r7b", "CohereLabs/c4ai-command-r7b-12-2024", ""),
    ("granite 4 h small", "ibm-granite/granite-4.0-h-small", ""),
    ("granite 3.3 8b", "ibm-granite/granite-3.3-8b-instruct", ""),
    ("nemotron super 49b v1.5", "nvidia/Llama-3_3-Nemotron-Super-49B-v1_5", ""),
    ("nemotron nano 9b v2", "nvidia/NVIDIA-Nemotron-Nano-9B-v2", ""),
    ("olmo 2 13b", "allenai/OLMo-2-1124-13B-Instruct", ""),
    ("smollm2 1.7b", "HuggingFaceTB/SmolLM2-1.7B-Instruct", ""),
    ("tiny llama", "TinyLlama/TinyLlama-1.1B-Chat-v1.0", ""),
    ("yi 34b", "01-ai/Yi-34B", ""),
    ("falcon 40b", "tiiuae/falcon-40b", ""),
    ("star coder 2 15b", "bigcode/starcoder2-15b", ""),
    ("exaone 4 32b", "LGAI-EXAONE/EXAONE-4.0-32B", ""),
    ("internlm2.5 7b", "internlm/internlm2_5-7b-chat", ""),
    ("bloom 7b1", "bigscience/bloom-7b1", ""),
    ("gpt2 xl", "openai-community/gpt2-xl", ""),
    ("flan t5 xxl", "google/flan-t5-xxl", ""),
    ("bert base", "google-bert/bert-base-uncased", ""),
    ("bge m3", "BAAI/bge-m3", ""),
    ("biobert", "dmis-lab/biobert-base-cased-v1.2", ""),
    ("LLaMA 7B", "huggyllama/llama-7b", ""),
    ("e5 mistral", "intfloat/e5-mistral-7b-instruct", ""),
    ("whisper large v3", "openai/whisper-large-v3", ""),
    ("llava 1.5 7b", "llava-hf/llava-1.5-7b-hf", ""),
    ("openbiollm 70b", "aaditya/Llama3-OpenBioLLM-70B", ""),
    # words with a format
    ("llama 3 8b 4bit", LLAMA_3_8B, "4-bit"),
    ("70B llama 3.3 q4", LLAMA_33, "Q4_K_M"),
    ("Qwen3 8B Q4_K_M", "Qwen/Qwen3-8B", "Q4_K_M"),
    ("gemma3 12b qat", GEMMA_12B, "Q4_0"),
    ("qwen3 14b awq", "Qwen/Qwen3-14B", "awq-int4"),
    ("llama 3.1 70b fp8", "nvidia/Llama-3.1-70B-Instruct-FP8", "fp8"),
    ("mistral 7b v0.3 Q8", "mistralai/Mistral-7B-Instruct-v0.3", "Q8_0"),
    ("qwen3-30b-a3b@q4_k_m", QWEN3_30B, "Q4_K_M"),
    ("qwen3-32b 8-bit", "Qwen/Qwen3-32B", "8-bit"),
    ("llama 3.3 70b IQ4_XS - 4.25 bpw", LLAMA_33, "IQ4_XS"),
    # tags of Ollama
    ("llama3:70b", LLAMA_3_70B, ""),
    ("llama3", LLAMA_3_8B, ""),
    ("llama3:latest", LLAMA_3_8B, ""),
    ("llama3.1:8b-instruct-q4_K_M", LLAMA_31_8B, "Q4_K_M"),
    ("qwen3:30b-a3b-q4_K_M", QWEN3_30B, "Q4_K_M"),
    ("gemma3:12b-it-qat", GEMMA_12B, "Q4_0"),
    ("llama3:70b-instruct-fp16", LLAMA_3_70B, "fp16"),
    ("gpt-oss:120b", "openai/gpt-oss-120b", ""),
    ("deepseek-r1:14b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", ""),
    ("deepseek-r1:32b-qwen-distill-q4_K_M", "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "Q4_K_M"),
    ("mistral:7b-instruct-v0.3-q5_K_M", "mistralai/Mistral-7B-Instruct-v0.3", "Q5_K_M"),
    ("mixtral:8x7b-instruct-v0.1-q4_0", MIXTRAL, "Q4_0"),
    ("qwen:32b-chat-q4_0", "Qwen/Qwen1.5-32B-Chat", "Q4_0"),
    ("gemma:7b-instruct-q8_0", "google/gemma-7b-it", "Q8_0"),
    ("yi:34b-chat", "01-ai/Yi-34B", ""),
    ("phi3:14b-medium-4k-instruct-q4_K_M", "microsoft/Phi-3-medium-4k-instruct", "Q4_K_M"),
    ("qwen2.5-coder:32b-instruct-q8_0", "Qwen/Qwen2.5-Coder-32B-Instruct", "Q8_0"),
    ("llama4:scout", SCOUT, ""),
    ("deepseek-coder-v2:16b-lite-instruct-q4_K_M", "deepseek-ai/DeepSeek-V2-Lite", "Q4_K_M"),
    ("gemma3n:e4b-it-q4_K_M", "google/gemma-3n-E4B-it", "Q4_K_M"),
    ("qwen3:4b-thinking-2507-q8_0", "Qwen/Qwen3-4B-Instruct-2507", "Q8_0"),
    ("ollama run llama3.1:70b", LLAMA_31_70B, ""),
    ("https://ollama.com/library/qwen3:8b", "Qwen/Qwen3-8B", ""),
    ("llama2:7b-chat-q4_0", "meta-llama/Llama-2-7b-hf", "Q4_0"),
    # repositories, of their own owner, of another, in a format
    ("meta-llama/Llama-3.1-8B-Instruct", LLAMA_31_8B, ""),
    ("unsloth/Llama-3.1-8B-Instruct", LLAMA_31_8B, ""),
    ("NousResearch/Meta-Llama-3-8B-Instruct", LLAMA_3_8B, ""),
    ("unsloth/gpt-oss-20b", "openai/gpt-oss-20b", ""),
    ("https://huggingface.co/Qwen/Qwen3-8B/tree/main", "Qwen/Qwen3-8B", ""),
    ("unsloth/Qwen3-30B-A3B-GGUF:UD-Q4_K_XL", QWEN3_30B, "Q4_K_M"),
    ("hf.co/unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF:UD-Q4_K_XL", CODER_30B, "Q4_K_M"),
    ("bartowski/Qwen_Qwen3-32B-GGUF", "Qwen/Qwen3-32B", "GGUF"),
    ("bartowski/google_gemma-3-27b-it-GGUF:IQ3_M", GEMMA_27B, "IQ3_M"),
    ("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", MISTRAL_V2, "awq-int4"),
    ("TheBloke/Llama-2-13B-chat-GPTQ", "meta-llama/Llama-2-13b-hf", "gptq-int4"),
    ("Qwen/Qwen2.5-72B-Instruct-GPTQ-Int8", "Qwen/Qwen2.5-72B-Instruct", "gptq-int8"),
    ("mlx-community/Qwen3-8B-4bit", "Qwen/Qwen3-8B", "mlx-4bit"),
    ("mlx-community/gemma-3-12b-it-qat-4bit", GEMMA_12B, "mlx-4bit"),
    ("lmstudio-community/Qwen3-Coder-30B-A3B-Instruct-MLX-8bit", CODER_30B, "mlx-8bit"),
    ("mlx-community/Llama-3.3-70B-Instruct-bf16", LLAMA_33, "bf16"),
    ("unsloth/Llama-3.2-3B-Instruct-bnb-4bit", "meta-llama/Llama-3.2-3B", "nf4-dq"),
    ("unsloth/gemma-3-27b-it-unsloth-bnb-4bit", GEMMA_27B, "nf4-dq"),
    ("RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16", LLAMA_33, "gptq-int4"),
    ("neuralmagic/Meta-Llama-3.1-8B-Instruct-FP8", LLAMA_31_8B, "fp8"),
    ("Qwen/Qwen3-8B-FP8", "Qwen/Qwen3-8B", "fp8"),
    ("nvidia/Llama-3.3-70B-Instruct-NVFP4", LLAMA_33, "nvfp4"),
    ("google/gemma-3-27b-it-qat-q4_0-gguf", GEMMA_27B, "Q4_0"),
    ("mradermacher/Llama-3.1-8B-Instruct-i1-GGUF:i1-Q4_K_M", LLAMA_31_8B, "Q4_K_M"),
    ("huihui-ai/Qwen3-14B-abliterated", "Qwen/Qwen3-14B", ""),
    ("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", LLAMA_31_8B, "awq-int4"),
    # files and folders
    ("Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf", "Qwen/Qwen3-8B", "Q4_K_M"),
    ("lmstudio-community/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf", "Qwen/Qwen3-8B", "Q4_K_M"),
    ("mistral-7b-instruct-v0.2.Q4_K_M.gguf", MISTRAL_V2, "Q4_K_M"),
    ("Qwen3-235B-A22B-Q4_K_M-00001-of-00003.gguf", "Qwen/Qwen3-235B-A22B", "Q4_K_M"),
    ("/models/Meta-Llama-3-8B-Instruct.Q5_K_M.gguf", LLAMA_3_8B, "Q5_K_M"),
    (r"C:\models\gemma-3-12b-it-Q8_0.gguf", GEMMA_12B, "Q8_0"),
    ("~/.cache/huggingface/hub/models--meta-llama--Llama-3.1-8B-Instruct/snapshots/0e9e39f", LLAMA_31_8B, ""),
    (
        "https://huggingface.co/bartowski/Llama-3.3-70B-Instruct-GGUF/blob/main/Llama-3.3-70B-Instruct-Q4_K_M.gguf",
        LLAMA_33,
        "Q4_K_M",
    ),
]


@pytest.mark.parametrize(("typed", "model", "format"), TYPED, ids=[typed for typed, *_ in TYPED])
def test_what_people_type(typed: str, model: str, format: str) -> None:
    found = catalog.meant(typed)
    assert found is not None
    assert found.model.id == model
    assert (found.written.format or found.written.text if found.written else "") == format


@pytest.mark.parametrize(
    "typed",
    [
        "llama 5 70b",
        "qwen3 33b",
        "gemma 3 13b",
        "llama 3 71b",
        "llama 3.5 8b",
        "deepseek r2",
        "deepseek v5",
        "gpt 5",
        "gpt-oss 121b",
        "mistral 8b v0.3",
        "mixtral 8x8b",
        "phi 5",
        "gemma 3 27",
        "minimax m2",
        "qwen4",
        "kimi k4",
        "glm 4.55",
        "llama3:71b",
        "llama3.1:9b",
        "deepseek-r1:13b",
        "qwen3:31b-a3b",
        "gemma3:12b-it-v2",
        "hermes 3 8b",
        "tulu 3 8b",
        "llama guard 3 8b",
        "dolphin-mixtral:8x7b",
        "vicuna 7b",
        "codeqwen 7b",
        "qwen 2.5 math 7b",
        "mistral medium",
        "yi 1.5 34b 200k",
        "grok 1",
        "claude 3 opus",
        "Qwen/Qwen-7B",
        "meta-llama/Llama-3-8B-Guard",
        "someone/llama",
        "someone/qwen3",
        "DeepSeek-R1-0528-Qwen3-8B",
        "CohereLabs/c4ai-command-r-08-2024",
        "google/gemma-3-13b-it",
        "unsloth/Qwen3-33B-GGUF:Q4_K_M",
        "t5 large",
        "t5-11b",
        "mamba 7b",
        "bge-base-en-v1.5",
        "e5-base-v2",
        "OLMoE 7B 7B",
        "70b",
        "mini",
        "instruct",
        "vision",
        "large v3",
        "nvidia",
        "google",
        "Q4_K_M",
        "4bit",
        "GGUF",
        "GGUF:Q4_K_M",
        "hf.co/",
        "",
        " ",
        "/",
        ":",
        "llama3:70b; rm",
        "<script>",
        "x" * 5_000,
    ],
)
def test_a_name_that_only_resembles_one_is_a_question(typed: str) -> None:
    assert catalog.meant(typed) is None
    with pytest.raises(PlanError, match=r"Pick one from the list, or give its config\.json") as caught:
        catalog.find(typed)
    assert caught.value.field == "model"


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("lama3:70b", "llama3:70b"),
        ("llama 5 70b", "Llama 3 70B"),
        ("qwen3 33b", "Qwen3 32B"),
        ("gemma 3 13b", "Gemma 3 1"),
        ("Qwen/Qwen3-33B", "Qwen3 32B"),
    ],
)
def test_the_nearest_names_are_offered(typed: str, nearest: str) -> None:
    with pytest.raises(PlanError, match=rf"Did you mean .*{re.escape(nearest)}"):
        catalog.find(typed)


def _agrees(found: catalog.Model | None, model: catalog.Model, typed: str) -> bool:
    """Whether a name led to the model, or to one that has the very same words: another packaging of it, or its release
    in the format.
    """
    if found is None or found is model:
        return found is model
    words = {frozenset(atoms(split(name.rsplit("/", 1)[-1])[0])) for name in (model.id, model.title, *model.aliases)}
    return any(
        frozenset(atoms(split(name.rsplit("/", 1)[-1])[0])) in words for name in (found.id, found.title, *found.aliases)
    )


@pytest.mark.parametrize("model", catalog.models().values(), ids=catalog.models())
def test_every_model_is_found_by_all_its_names_however_they_are_written(model: catalog.Model) -> None:
    shuffled = random.Random(model.id)
    bare = model.id.split("/")[1]
    for typed in (model.id, model.id.lower(), model.id.upper(), model.title, model.title.upper(), *model.aliases, bare):
        assert catalog.lookup(typed) is model, typed
    for name in (model.title, bare):
        words = re.split(r"[- ]", name)
        shuffled.shuffle(words)
        for typed in (
            " ".join(words),
            "-".join(words),
            name.replace("-", " "),
            name.replace("-", "_"),
            f"  {name}  ",
            f'"{name}"',
        ):
            assert _agrees(catalog.lookup(typed), model, typed), typed


@pytest.mark.parametrize(
    "model", [model for model in catalog.models().values() if split(model.id)[1] is None], ids=lambda model: model.id
)
def test_every_copy_of_a_model_in_another_format_means_it(model: catalog.Model) -> None:
    bare = model.id.split("/")[1]
    for typed, format in (
        (f"{bare}-GGUF", ""),
        (f"{bare}-AWQ", "awq-int4"),
        (f"somebody/{bare}-bnb-4bit", "nf4-dq"),
        (f"bartowski/{bare}-GGUF:Q4_K_M", "Q4_K_M"),
        (f"bartowski/{model.id.replace('/', '_')}-GGUF", ""),
        (f"mlx-community/{bare}-4bit", "mlx-4bit"),
        (f"{bare}-GGUF/{bare}-Q5_K_M.gguf", "Q5_K_M"),
        (f"hf.co/unsloth/{bare}-GGUF:UD-Q4_K_XL", "Q4_K_M"),
        (f"somebody/{bare}", None),
    ):
        found = catalog.meant(typed)
        assert found is not None, typed
        assert _agrees(found.model, model, typed), typed
        assert (found.written.format if found.written else None) == format, typed


@pytest.mark.parametrize("model", catalog.models().values(), ids=catalog.models())
def test_another_digit_is_another_name(model: catalog.Model) -> None:
    """Of every number in every name of the model: the changed name is not taken for the model, unless it is one of its
    own names.
    """
    choose = random.Random(model.id)
    names = {name.rsplit("/", 1)[-1] for name in (model.id, model.title, *model.aliases)}
    held = [frozenset(atoms(split(name)[0])) for name in names]
    sizes = [frozenset(filter(is_size, own)) for own in held]
    for name in names:
        for place in (match.start() for match in re.finditer(r"\d", name)):
            changed = (
                name[:place]
                + choose.choice([digit for digit in "0123456789" if digit != name[place]])
                + name[place + 1 :]
            )
            wanted = frozenset(atoms(split(changed)[0]))
            size = frozenset(filter(is_size, wanted))
            if not (any(wanted - size <= own for own in held) and any(size <= own for own in sizes)):
                assert catalog.lookup(changed) is not model, changed


def test_a_name_without_a_size_or_a_revision_takes_the_most_used_and_offers_the_others() -> None:
    order = [model.id for model in catalog.most_used()]
    for typed, others in (
        ("gemma 3", {GEMMA_12B, GEMMA_27B}),
        ("mistral 7b", {MISTRAL_V2}),
        ("deepseek r1", {"deepseek-ai/DeepSeek-R1-Distill-Llama-8B"}),
        ("gpt oss", {"openai/gpt-oss-120b"}),
    ):
        found = catalog.meant(typed)
        assert found is not None
        offered = [model.id for model in found.others]
        assert others <= set(offered), typed
        assert found.model.id not in offered
    gemma = catalog.meant("gemma 3")
    assert gemma is not None
    assert all(order.index(gemma.model.id) < order.index(model.id) for model in gemma.others)
    for typed in (
        "llama 3 70b",
        "qwen3 30b a3b",
        "mixtral:8x7b",
        "google/gemma-3-12b-it",
        "unsloth/gemma-3-12b-it-GGUF",
    ):
        found = catalog.meant(typed)
        assert found is not None
        assert found.others == (), typed


def test_whose_copy_it_is_is_said() -> None:
    for typed, owner in (
        ("unsloth/Llama-3.1-8B-Instruct", "unsloth"),
        ("meta-llama/Llama-3.1-8B-Instruct", ""),
        ("Llama-3.1-8B-Instruct", ""),
        ("hf.co/bartowski/Qwen_Qwen3-32B-GGUF", "bartowski"),
    ):
        found = catalog.meant(typed)
        assert found is not None
        assert found.owner == owner


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_none(text: str) -> None:
    found = catalog.meant(text)
    assert found is None or found.model.id in catalog.models()


@given(
    st.lists(
        st.sampled_from(
            [
                "llama",
                "3",
                "3.1",
                "70b",
                "8x7b",
                "a3b",
                "qwen",
                "-",
                ":",
                "/",
                ".",
                "_",
                "v0.2",
                "Q4_K_M",
                "r1",
                "it",
                "gguf",
                "#",
                "\\",
                "+",
                "e4b",
                "2507",
            ]
        ),
        max_size=12,
    )
)
def test_any_mixture_of_parts_is_a_name_or_none(parts: list[str]) -> None:
    for text in ("".join(parts), " ".join(parts)):
        found = catalog.meant(text)
        assert found is None or found.model.id in catalog.models()
