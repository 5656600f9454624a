"""`python -m planner data`: the same analysis from a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from notes import note_lengths, notes, words_tokenizer

from planner.cli.main import main
from planner.training.request import TrainRequest


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    data, tokenizer = tmp_path / "notes.jsonl", tmp_path / "tokenizer.json"
    data.write_bytes(notes(note_lengths()) + b"\n{broken")
    tokenizer.write_bytes(words_tokenizer())
    return str(data), str(tokenizer)


def test_json_that_a_train_request_takes(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", files[0], "--tokenizer", files[1], "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["tokens"] == {"low": 165_006, "expected": 165_006, "high": 165_006}
    assert answer["malformed"]["rows"] == 1
    assert answer["percentiles"]["100"] == 200
    request = TrainRequest.read({"model": "tatsu-lab/alpaca-7b", **answer["train"]})
    assert (request.samples, request.seq_len) == (1_602, 192)


def test_words_for_a_terminal(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", files[0]]) == 0
    said = capsys.readouterr().out
    assert "1,602 samples" in said
    assert "estimated from characters" in said
    assert "1 rows were left out" in said


@pytest.mark.parametrize("arguments", [["nothing.jsonl"], ["."]])
def test_a_file_that_is_not_there_gets_a_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", *arguments]) == 2
    assert "check the path" in capsys.readouterr().err
