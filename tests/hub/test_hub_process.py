"""What the library reads from the environment at its import, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from server import SECRET, FakeHub
from weight_files import LLAMA, gguf

ROOT = Path(__file__).resolve().parents[2]
ASK = "from planner.hub import fetch_config; print(fetch_config('meta/llama')['model_type'])"


def run(code: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    settings = {**clean, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1", **environment}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60
    )


def test_a_mirror_is_asked_and_no_saved_token_nor_anything_else_leaves_the_machine(
    hub: FakeHub, tmp_path: Path
) -> None:
    hub.add("meta/llama", {"config.json": {"model_type": "llama", "quantization_config": {"quant_method": "fp8"}}})
    (tmp_path / "token").write_text("hf_savedByTheOperator")
    done = run(ASK, tmp_path, HF_ENDPOINT=hub.endpoint, HF_TOKEN="hf_inTheEnvironment", AI_AGENT="someone")
    assert done.stdout.strip() == "llama", done.stderr
    assert [request.path for request in hub.log] == ["/meta/llama/resolve/main/config.json"]
    assert hub.log[0].authorization is None


def test_offline_the_cache_answers_and_nothing_is_asked(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("meta/llama", {"config.json": {"model_type": "llama"}})
    assert run(ASK, tmp_path, HF_ENDPOINT=hub.endpoint).stdout.strip() == "llama"
    hub.log.clear()
    assert run(ASK, tmp_path, HF_ENDPOINT=hub.endpoint, HF_HUB_OFFLINE="1").stdout.strip() == "llama"
    assert hub.log == []


@pytest.mark.parametrize(
    "module", ["planner.hub", "planner.weight_files.gguf_file", "planner.weight_files.safetensors_file"]
)
def test_importing_does_not_import_the_library(tmp_path: Path, module: str) -> None:
    done = run(f"import sys, {module}; print('huggingface_hub' in sys.modules, 'numpy' in sys.modules)", tmp_path)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_an_unknown_type_is_checked_against_the_published_weights(hub: FakeHub, tmp_path: Path) -> None:
    text = {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 1000,
    }
    facts = {"safetensors": {"parameters": {"BF16": 200_000}, "total": 200_000}}
    hub.add("new/brand", {"config.json": {"model_type": "brand_new", **text}}, facts=facts)
    code = "from planner.cli.main import main; main(['model', '--model', 'new/brand', '--json'])"
    answer = json.loads(run(code, tmp_path, HF_ENDPOINT=hub.endpoint).stdout)
    assert answer["exact"] is False
    assert "published weights hold 200,000 parameters" in answer["note"]
    assert f"{answer['parameters']['total'] / 200_000 - 1:+.1%}" in answer["note"]


def test_a_repository_of_gguf_files_is_planned_from_a_header(hub: FakeHub, tmp_path: Path) -> None:
    names = {f"brand-{mix}.gguf": weight_file() for mix in ("Q8_0", "Q4_K_M", "Q2_K")} | {
        "mmproj-brand.gguf": weight_file()
    }
    hub.add("new/brand-GGUF", names)
    code = "from planner.cli.main import main; main(['model', '--model', 'new/brand-GGUF', '--json'])"
    done = run(code, tmp_path, HF_ENDPOINT=hub.endpoint)
    assert json.loads(done.stdout)["parameters"]["total"] == 2 * 512 * 2_000 + 512 * 256, done.stderr
    assert [request.path.rsplit("/", 1)[-1] for request in hub.log if request.range] == ["brand-Q4_K_M.gguf"]


def test_files_by_path(tmp_path: Path) -> None:
    (tmp_path / "brand-Q4_K_M.gguf").write_bytes(weight_file())
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12})
    )
    for name, total in (
        ("brand-Q4_K_M.gguf", 2 * 512 * 2_000 + 512 * 256),
        ("model.safetensors", 124_439_808),
        ("config.json", 124_439_808),
    ):
        code = f"from planner.cli.main import main; main(['model', '--model', {str(tmp_path / name)!r}, '--json'])"
        done = run(code, tmp_path, HF_HUB_OFFLINE="1")
        assert json.loads(done.stdout)["parameters"]["total"] == total, done.stderr


def weight_file() -> bytes:
    """A language model of one layer, as small as a reader accepts."""
    metadata = {
        **LLAMA,
        "llama.block_count": ("u32", 1),
        "llama.embedding_length": ("u32", 512),
        "llama.attention.head_count": ("u32", 8),
    }
    return gguf(
        metadata,
        [
            ("token_embd.weight", (512, 2_000), 14),
            ("blk.0.attn_qkv.weight", (512, 256), 12),
            ("output.weight", (512, 2_000), 14),
        ],
    )


PAGE = """
import streamlit as st
from planner.request import PlanRequest
from ui.question.models import other_sources, with_config
st.text_input("Model", key="model")
other_sources()
st.text(str(with_config(PlanRequest(model=st.session_state["model"])).config) if "private" in st.session_state else "nothing yet")
"""
VISIT = f"""
import json
from streamlit.testing.v1 import AppTest
at = AppTest.from_string({PAGE!r}, default_timeout=30).run()
at.text_input(key="model").set_value("acme/secret").run()
at.text_input(key="hub_token").set_value({SECRET!r}).run()
at.button(key="fetch").click().run()
kept = {{key: repr(at.session_state[key]) for key in ("private", "model", "hub_token", "fetch_said")}}
print(json.dumps({{"text": at.text[0].value, "field": at.text_input(key="hub_token").value, "kept": kept, "link": dict(at.query_params), "errors": len(at.exception)}}))
"""


def test_a_token_opens_a_private_model_once_and_is_gone(hub: FakeHub, tmp_path: Path) -> None:
    hub.add("acme/secret", {"config.json": {"model_type": "gpt2", "n_embd": 64}}, private=True)
    done = run(VISIT, tmp_path, HF_ENDPOINT=hub.endpoint)
    assert done.returncode == 0, done.stderr
    page = json.loads(done.stdout.splitlines()[-1])
    assert page["errors"] == 0
    assert "'n_embd': 64" in page["text"]
    assert page["field"] == ""
    assert SECRET not in json.dumps(page)
    assert SECRET not in done.stderr
    assert {request.authorization for request in hub.log} == {f"Bearer {SECRET}"}
