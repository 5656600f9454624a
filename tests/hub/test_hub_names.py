"""What people paste, and the repository it names."""

from __future__ import annotations

import pytest

from planner.core.errors import PlanError
from planner.hub import repo_id_from

WANTED = "meta-llama/Meta-Llama-3-8B"


@pytest.mark.parametrize(
    "text",
    [
        WANTED,
        f"  {WANTED}\n",
        f"'{WANTED}'",
        "meta-llama / Meta-Llama-3-8B",
        f"{WANTED}/",
        f"https://huggingface.co/{WANTED}",
        f"http://www.huggingface.co/{WANTED}/",
        f"https://huggingface.co/{WANTED}/tree/main",
        f"https://huggingface.co/{WANTED}/blob/main/config.json",
        f"https://huggingface.co/{WANTED}/resolve/main/config.json?download=true",
        f"https://huggingface.co/{WANTED}#model-card",
        f"https://huggingface.co/models/{WANTED}",
        f"HTTPS://HuggingFace.co/{WANTED}",
        f"huggingface.co/{WANTED}",
        f"hf.co/{WANTED}",
        f"hf.co/{WANTED}:Q4_K_M",
        f"hf://{WANTED}",
    ],
)
def test_every_usual_spelling_names_the_same_repository(text: str) -> None:
    assert repo_id_from(text) == WANTED


def test_an_old_name_without_an_owner_is_an_id() -> None:
    assert repo_id_from("gpt2") == "gpt2"
    assert repo_id_from("https://huggingface.co/gpt2") == "gpt2"


def test_the_configured_mirror_is_an_address_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    assert repo_id_from(f"https://mirror.example/{WANTED}/tree/main") == WANTED


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "  ",
            "/",
            "a/b/c",
            "two words",
            "owner/two words",
            "a//b",
            "../etc/passwd",
            "owner/..",
            "owner/na--me",
            "owner/name.git",
            "-owner/name",
        ),
        *(
            "owner/é",
            "x" * 97,
            "https://huggingface.co/",
            "https://example.com/owner/name",
            "ftp://hf.co.example/owner/name",
            "owner/name?x=1",
        ),
        *("C:\\model", "owner/name\0"),
    ],
)
def test_anything_else_is_one_plain_sentence(text: str) -> None:
    with pytest.raises(PlanError, match=r"for example meta-llama/Meta-Llama-3-8B\.$") as caught:
        repo_id_from(text)
    assert caught.value.field == "model"


def test_a_dataset_is_called_a_dataset() -> None:
    with pytest.raises(PlanError, match="the address of a dataset"):
        repo_id_from("https://huggingface.co/datasets/allenai/c4")
