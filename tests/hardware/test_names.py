"""Every GPU is found under every spelling that drivers, shops and people use, and never mistaken for another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import PlanError
from planner.hardware.catalog import by_id, gpus
from planner.hardware.names import parse_gpus, resolve

MEASURED = [
    "AMD Radeon 8060S", "AMD Radeon AI PRO R9700 32GB", "AMD Radeon RX 7900 XT", "AMD Radeon RX 9070 XT", "Apple M1 7-Core GPU 8GB", "Apple M1 Max 32-Core GPU 64GB",
    "Apple M1 Ultra 48-core GPU 64GB", "Apple M2 Ultra 76-Core GPU 192GB", "Apple M3 Max 40-Core GPU 64GB", "Apple M3 Pro 18-core GPU 36GB",
    "Apple M3 Ultra 512GB (Mac Studio)", "Apple M4 (10-core GPU) 32GB", "Intel Arc B580", "NVIDIA A100 40GB SXM", "NVIDIA A100", "NVIDIA A100-SXM4-80GB", "NVIDIA A10G 24GB",
    "NVIDIA A40 48GB", "NVIDIA B200 SXM", "NVIDIA GB10", "NVIDIA GB200", "NVIDIA GeForce GTX 1050 Ti", "NVIDIA GeForce RTX 3080 Ti", "NVIDIA H100 80GB HBM3 SXM", "NVIDIA H20 96GB",
    "NVIDIA H200 SXM 141GB", "NVIDIA L40S 48GB", "NVIDIA RTX 3080 10GB", "NVIDIA RTX 6000 Ada 48GB", "NVIDIA RTX A400", "NVIDIA RTX A5000 24GB", "NVIDIA Tesla P40",
    "Radeon 8060S Graphics",
]  # fmt: skip
"""Names as published measurements print them."""

SPELLINGS = {
    "rtx-4090": ["4090", "rtx4090", "RTX 4090", "NVIDIA GeForce RTX 4090", "ANGLE (NVIDIA, NVIDIA GeForce RTX 4090 (0x2684) Direct3D11 vs_5_0 ps_5_0, D3D11)"],
    "rtx-4090-laptop": ["NVIDIA GeForce RTX 4090 Laptop GPU", "4090 mobile"],
    "rtx-3080-ti": ["3080ti", "RTX 3080 Ti"],
    "rtx-3080-10gb": ["RTX 3080", "NVIDIA GeForce RTX 3080"],
    "rtx-3060-12gb": ["RTX 3060", "3060 12GB"],
    "rtx-4060-ti-8gb": ["4060 Ti 8GB"],
    "rtx-4070-ti-super": ["4070 ti super", "RTX 4070Ti SUPER"],
    "h100-sxm5-80gb": ["h100", "H100 80GB", "NVIDIA H100 80GB HBM3", "H100 SXM"],
    "h100-pcie-80gb": ["NVIDIA H100 PCIe", "H100 PCIe 80GB"],
    "h100-nvl-94gb": ["H100 NVL"],
    "a100-sxm4-80gb": ["A100", "A100 80", "NVIDIA A100-SXM4-80GB"],
    "a100-sxm4-40gb": ["A100 40GB", "NVIDIA A100-SXM4-40GB"],
    "a100-pcie-40gb": ["NVIDIA A100-PCIE-40GB"],
    "a10": ["A10", "NVIDIA A10"],
    "rtx-a6000": ["RTX A6000", "a6000"],
    "rtx-6000-ada-generation": ["NVIDIA RTX 6000 Ada Generation", "rtx 6000 ada"],
    "quadro-rtx-6000": ["Quadro RTX 6000"],
    "rtx-pro-6000-blackwell-workstation": ["RTX PRO 6000", "NVIDIA RTX PRO 6000 Blackwell Workstation Edition"],
    "rx-7900-xtx": [],
    "radeon-rx-7900-xtx": ["7900xtx", "RX 7900 XTX", "AMD Radeon RX 7900 XTX (RADV NAVI31)"],
    "apple-m3-max-40-core-gpu": ["M3 Max", "M3 Max 64GB", "ANGLE (Apple, ANGLE Metal Renderer: Apple M3 Max, Unspecified Version)"],
    "apple-m2-ultra-76-core-gpu": ["Apple M2 Ultra"],
    "arc-b580": ["Intel(R) Arc(tm) B580 Graphics"],
    "dgx-spark-gb10": ["dgx spark", "GB10", "NVIDIA GB10"],
    "ryzen-ai-max-plus-395-radeon-8060s": ["strix halo", "Radeon 8060S Graphics (RADV STRIX_HALO)"],
    "gtx-1650-4gb": ["gtx 1650"],
    "tesla-t4": ["Tesla T4", "T4"],
}
del SPELLINGS["rx-7900-xtx"]


@pytest.mark.parametrize("gpu", gpus(), ids=lambda gpu: gpu.id)
def test_every_card_is_found_by_its_own_names(gpu) -> None:  # type: ignore[no-untyped-def]
    for name in (gpu.id, gpu.name, *gpu.aliases, gpu.name.upper(), f"NVIDIA {gpu.name}" if gpu.vendor == "NVIDIA" else gpu.name):
        assert resolve(name).id == gpu.id, name


@pytest.mark.parametrize("name", MEASURED)
def test_names_in_published_measurements(name: str) -> None:
    assert resolve(name).memory_gb > 0


@pytest.mark.parametrize(("gpu_id", "name"), [(gpu_id, name) for gpu_id, names in SPELLINGS.items() for name in names])
def test_spellings(gpu_id: str, name: str) -> None:
    assert resolve(name).id == gpu_id


@pytest.mark.parametrize("name", ["", "  ", "rtx 9999", "RTX 4090 Foo", "A1000000", "2x", "M3 Max 7TB", "<script>", "4090" * 200, "RTX 4090 80GB"])
def test_an_unknown_card_is_a_sentence_at_its_field(name: str) -> None:
    with pytest.raises(PlanError) as caught:
        resolve(name)
    assert caught.value.field == "gpus"
    assert len(str(caught.value)) < 300


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_card_or_a_sentence(text: str) -> None:
    try:
        resolve(text)
    except PlanError as error:
        assert str(error)


def test_the_memory_that_a_driver_reports_picks_the_variant_and_counts() -> None:
    assert resolve("NVIDIA A100", 40_536).id == "a100-sxm4-40gb"
    told = resolve("H100 80GB", 81_091)
    assert told.capacity_bytes == told.usable_bytes == 81_091 * 2**20
    assert resolve("RTX 4090").capacity_bytes == 24_564 * 2**20


def test_unified_memory_is_lent_in_part() -> None:
    machine = resolve("Apple M2 Ultra 76-Core GPU 64GB")
    assert machine.unified
    assert machine.capacity_bytes == 64 * 2**30
    assert machine.usable_bytes == 48 * 2**30


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2x RTX 4090 + RTX 3090", [("RTX 4090", 2), ("RTX 3090", 1)]),
        ("RTX 4090 x2", [("RTX 4090", 2)]),
        ("4× A100 80GB, 1 L4", [("A100 80GB", 4), ("L4", 1)]),
        ("2 3090 ti", [("3090 ti", 2)]),
        ("M3 Max", [("M3 Max", 1)]),
        ("RTX 4090+Ryzen AI Max+ 395", [("RTX 4090", 1), ("Ryzen AI Max+ 395", 1)]),
        ("", []),
        (" + ", []),
    ],
)
def test_a_sentence_of_cards(text: str, found: list[tuple[str, int]]) -> None:
    assert parse_gpus(text) == found


def test_ids_in_a_sentence_are_whole() -> None:
    text = " + ".join(f"2x {gpu.id}" for gpu in list(gpus())[:60])
    assert parse_gpus(text) == [(gpu.id, 2) for gpu in list(gpus())[:60]]


@pytest.mark.parametrize("text", ["0x RTX 4090", " + ".join(["L4"] * 65)])
def test_absurd_lists_are_refused(text: str) -> None:
    with pytest.raises(PlanError):
        parse_gpus(text)


def test_rows_are_whole() -> None:
    assert len(gpus()) >= 230
    assert len(by_id()) == len(gpus())
    for gpu in gpus():
        assert 0 < gpu.usable_bytes <= gpu.capacity_bytes, gpu.id
        assert gpu.bandwidth_gb_per_s > 0, gpu.id
        assert gpu.source, gpu.id
        assert gpu.confidence in ("checked", "recalled"), gpu.id
        assert not gpu.fp16_tflops or not gpu.fp8_tflops or gpu.fp8_tflops >= gpu.fp16_tflops, gpu.id
    assert {"NVIDIA", "AMD", "Intel", "Apple"} <= {gpu.vendor for gpu in gpus()}
