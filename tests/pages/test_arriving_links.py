"""Links as they come: what contradicts itself opens as a plan, and the way out of a page carries the whole question."""

from __future__ import annotations

import json

import pytest

from tests.pages.dashboard import complaints, opened, said

MODEL = {"model": "meta-llama/Llama-3.1-8B-Instruct", "gpus": "h100-sxm5-80gb"}


@pytest.mark.parametrize(
    ("engine", "quantization", "cache", "told"),
    [
        ("vllm", "Q4_K_M", "auto", ["vLLM does not run 'Q4_K_M'. Its default stands in."]),
        ("vllm", "auto", "q8_0", ["vLLM has no cache of type 'q8_0'. Its default stands in."]),
        ("llama.cpp", "awq-int4", "q8_0", ["llama.cpp does not run 'awq-int4'. Its default stands in."]),
        ("llama.cpp", "fp16", "f16", []),
        ("transformers", "nf4", "auto", []),
    ],
)
def test_a_format_of_another_engine_takes_the_engines_own(
    engine: str, quantization: str, cache: str, told: list[str]
) -> None:
    at = opened(**MODEL, engine=engine, quantization=quantization, kv_cache_dtype=cache, context="4096")
    assert complaints(at) == told
    assert "What would you like" not in said(at)
    assert at.session_state["context"] == 4096
    assert at.session_state["engine"] == engine


FLAN = {
    "model_type": "t5",
    "architectures": ["T5ForConditionalGeneration"],
    "d_model": 1024,
    "num_layers": 12,
    "num_heads": 16,
    "d_kv": 64,
    "d_ff": 2816,
    "vocab_size": 32128,
    "is_gated_act": True,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}


@pytest.mark.parametrize(
    ("file", "config", "name"),
    [
        ("flan-mine.json", FLAN, "flan-mine"),
        ("config.json", FLAN, "your config.json"),
        ("config.json", FLAN | {"_name_or_path": "me/flan-own"}, "me/flan-own"),
        ("config.json", FLAN | {"_name_or_path": "/home/me/secret"}, "your config.json"),
    ],
)
def test_an_uploaded_model_is_called_by_its_own_name_until_it_is_left(
    file: str, config: dict[str, object], name: str
) -> None:
    at = opened(**MODEL)
    at.file_uploader(key="upload").upload(file, json.dumps(config).encode(), "application/json").run()
    assert not at.exception
    assert at.text[0].value.startswith(f"{name}: 424 M parameters")
    assert f"{file} stands for the model" in at.info[0].value.replace("\\", "")
    next(button for button in at.button if button.label == "Leave the file").click().run()
    assert not at.info
    assert at.text[0].value.startswith("Llama 3.1 8B: 8.03 B parameters")
