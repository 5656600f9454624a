"""The GPU field: which card was taken for a name, and a list that cannot be read is never taken for no GPU."""

from __future__ import annotations

import pytest
from dashboard import LLAMA, complaints, opened, said

UNREADABLE = [
    "garbage",
    "0x RTX 4090",
    "2000x RTX 4090",
    "RTX 9999 + RTX 4090",
    " + ",
    " + ".join(["L4"] * 65),
    "RX 7900",
    "RTX 4090 [0 MiB]",
]


@pytest.mark.parametrize("gpus", UNREADABLE)
@pytest.mark.parametrize("page", ["plan", "speed"])
def test_gpus_that_cannot_be_read_are_no_answer_on_system_memory(page: str, gpus: str) -> None:
    at = opened(page, **LLAMA | {"gpus": gpus})
    assert not [header.value for header in at.header if "Fits" in header.value or "green" in header.value]
    assert len(complaints(at)) == 1
    assert at.query_params["gpus"] == gpus  # what the visitor's link said stays, to be mended
    at.text_input(key="gpus").set_value("rtx-3090").run()
    assert "Fits" in "".join(header.value for header in at.header) or page != "plan"
    assert not complaints(at)


def test_no_gpu_at_all_is_the_processor() -> None:
    assert "system memory" in said(opened(**LLAMA | {"gpus": ""}))


def test_what_was_taken_for_a_name_stands_under_it() -> None:
    at = opened(**LLAMA | {"gpus": "2x 3060 + M2 Ultra + rtx-4090"})
    captions = [caption.value.replace("\\", "") for caption in at.caption]
    assert "RTX 3060 is sold with 8 or 12 GB; 12 GB is taken: write RTX 3060 8GB for another." in captions
    assert [caption for caption in captions if caption.startswith("M2 Ultra is sold with 64, 128 or 192 GB")]
    assert not [caption for caption in captions if "4090" in caption]


def test_the_list_begins_with_the_newest_cards() -> None:
    options = opened().selectbox(key="add_gpu").options
    assert len(options) > 540
    assert options.index("GeForce RTX 5090") < options.index("GeForce RTX 4090") < options.index("GeForce GTX 1080")
