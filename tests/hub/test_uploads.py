"""Files that a visitor uploads or names on the command line: whatever is in them, a model or one sentence at
its field.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner.cli.main import main
from planner.core.errors import PlanError
from planner.request import PlanRequest
from planner.weight_files.sources import LARGEST_CONFIG_BYTES, parse_upload

GOOD = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12}


def nested(levels: int, opening: str = '{"a":', closing: str = "}") -> bytes:
    return (opening * levels + "1" + closing * levels).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (nested(5_000), "nested more than 32 levels deep"),
        (nested(100_000), "nested more than 32 levels deep"),
        (
            b'{"model_type": "gpt2", "rope_scaling": ' + nested(5_000, "[", "]") + b"}",
            "nested more than 32 levels deep",
        ),
        (nested(33), "nested more than 32 levels deep"),
        (b" " * (LARGEST_CONFIG_BYTES + 1), "larger than a config.json can be"),
        (b'{"architectures": ["\\ud800"]}', "no Unicode"),
        (b'{"\\udfff": 1}', "no Unicode"),
        (b'{"n_embd": ' + b"9" * 5_000 + b"}", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"", "not JSON"),
        (b"<!doctype html>", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"GGUF", "ends in the middle"),
    ],
)
def test_what_is_no_config_is_one_sentence(data: bytes, said: str) -> None:
    with pytest.raises(PlanError, match=said) as caught:
        parse_upload(data, "upload.json")
    assert caught.value.field in ("config", "model")
    assert "\n" not in str(caught.value)


def test_a_config_that_other_programs_write_is_read() -> None:
    for text in (
        b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
        json.dumps(GOOD).encode("utf-16"),
        json.dumps({**GOOD, "time_step_limit": [0.0, float("inf")]}).encode(),
    ):
        config = parse_upload(text, "config.json")
        assert {key: config[key] for key in GOOD} == GOOD
        PlanRequest.read({"config": config}).changed(batch=2)


@pytest.mark.parametrize("flag", ["--config", "--model"])
def test_a_file_on_the_command_line_says_the_same(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deep.json").write_bytes(nested(5_000))
    assert main(["model", flag, str(tmp_path / "deep.json"), "--offline"]) == 2
    assert (
        "planner: The config is nested more than 32 levels deep; give the config.json as the Hub has it."
        in capsys.readouterr().err
    )


def test_a_link_with_a_config_that_is_too_deep_is_one_sentence() -> None:
    for levels in (100, 5_000):
        with pytest.raises(PlanError, match="nested") as caught:
            PlanRequest.from_query({"config": nested(levels).decode()})
        assert caught.value.field == "config"


def test_a_config_is_the_same_on_the_command_line_and_in_a_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(GOOD))
    assert main(["model", "--config", str(tmp_path / "mine.json"), "--offline"]) == 0
    assert "mine: 124,439,808 parameters" in capsys.readouterr().out
    request = PlanRequest.read({"model": "mine", "config": GOOD})
    assert PlanRequest.from_query(request.to_query()) == request
