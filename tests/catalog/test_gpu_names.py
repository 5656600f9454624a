"""Every GPU is found under every spelling that drivers, shops and people use, and never mistaken for another."""

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.catalog.gpu_names import parse_gpus, resolve, said, spec_list
from planner.catalog.gpu_reading import find
from planner.catalog.gpu_slices import slices_of
from planner.catalog.gpus import gpus
from planner.core.errors import PlanError
from planner.plan import plan
from planner.report.json import plan_json
from planner.request import PlanRequest

MEASURED = [
    "AMD Radeon 8060S", "AMD Radeon AI PRO R9700 32GB", "AMD Radeon RX 7900 XT", "AMD Radeon RX 9070 XT",
    "Apple M1 7-Core GPU 8GB", "Apple M1 Max 32-Core GPU 64GB",
    "Apple M1 Ultra 48-core GPU 64GB", "Apple M2 Ultra 76-Core GPU 192GB", "Apple M3 Max 40-Core GPU 64GB",
    "Apple M3 Pro 18-core GPU 36GB",
    "Apple M3 Ultra 512GB (Mac Studio)", "Apple M4 (10-core GPU) 32GB", "Intel Arc B580", "NVIDIA A100 40GB SXM",
    "NVIDIA A100", "NVIDIA A100-SXM4-80GB", "NVIDIA A10G 24GB",
    "NVIDIA A40 48GB", "NVIDIA B200 SXM", "NVIDIA GB10", "NVIDIA GB200", "NVIDIA GeForce GTX 1050 Ti",
    "NVIDIA GeForce RTX 3080 Ti", "NVIDIA H100 80GB HBM3 SXM", "NVIDIA H20 96GB",
    "NVIDIA H200 SXM 141GB", "NVIDIA L40S 48GB", "NVIDIA RTX 3080 10GB", "NVIDIA RTX 6000 Ada 48GB", "NVIDIA RTX A400",
    "NVIDIA RTX A5000 24GB", "NVIDIA Tesla P40",
    "Radeon 8060S Graphics",
]  # fmt: skip
"""Names as published measurements print them."""

WRITTEN = list(
    csv.DictReader(
        Path(__file__).with_name("gpu_names.tsv").read_text(encoding="utf-8").splitlines(),
        delimiter="\t",
        quoting=csv.QUOTE_NONE,
    )
)
"""What people type and drivers print, with the card, its memory and the count that are meant."""

NO_CARD = [
    "", "  ", "rtx 9999", "RTX 4090 Foo", "A1000000", "2x", "M3 Max 7TB", "<script>", "4090" * 200, "RTX 4090 80GB",
    "RTX", "GTX", "Radeon", "NVIDIA", "CPU",
    "Arc", "Intel", "RX 7900", "RX 7800", "RX 6500", "RTX 4080 Ti", "RTX 5070 Super", "RTX 3090 Super", "4090 Ti",
    "H100 Ti", "A100 super", "RX 7900 XTX Ti",
    "RX 7900 XTX Laptop", "RTX 3050 Super", "M4 Ultra", "M1 Super", "M6", "Mac Studio", "MacBook Pro", "L40X", "T40",
    "MI300", "MI350", "GTX 3090", "RTX 1080", "RTX A100",
    "AMD RTX 4090", "Radeon RTX 4090", "NVIDIA 7900 XTX", "GeForce RTX A6000", "Quadro RTX 4090", "RTX 4060 Ada",
    "RTX 5000 Laptop", "RTX 6000 Laptop", "6000", "5000",
    "RTX 3060 24GB", "M2 Ultra 96GB", "4090 4090", "3090 3060", "RTX 5070 (Ti Foo)", "RTX 4090 (48 GB mod)",
    "NVIDIA Graphics Device", "llvmpipe (LLVM 15.0.7, 256 bits)",
    "Google SwiftShader", "Microsoft Basic Render Driver", "AMD Radeon 7800M Series", "AMD Radeon RX Vega",
    "Radeon 9060S", "NVIDIA A100-PG509-200", "MIG 3g.40gb",
    "RTX 4090 MIG 3g.12gb", "A100 MIG 3g.90gb", "NVIDIA L4-48Q", "M3-Max-40C extra",
]  # fmt: skip


@pytest.mark.parametrize("gpu", gpus(), ids=lambda gpu: gpu.id)
def test_every_card_is_found_by_its_own_names(gpu) -> None:  # type: ignore[no-untyped-def]
    for name in (
        gpu.id,
        gpu.name,
        *gpu.aliases,
        gpu.name.upper(),
        f"NVIDIA {gpu.name}" if gpu.vendor == "NVIDIA" else gpu.name,
    ):
        assert resolve(name).id == gpu.id, name


@pytest.mark.parametrize("name", MEASURED)
def test_names_in_published_measurements(name: str) -> None:
    assert resolve(name).memory_gb > 0


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row["name"])
def test_what_people_type_and_drivers_print(row: dict[str, str]) -> None:
    ((name, count),) = parse_gpus(row["name"])
    gpu = resolve(name)
    assert (gpu.id, f"{gpu.memory_gb:g}", str(count)) == (row["card"], row["memory_gb"], row["count"])


def test_the_table_of_names_is_large_and_names_each_once() -> None:
    assert len({row["name"] for row in WRITTEN}) == len(WRITTEN) >= 150


@pytest.mark.parametrize("name", NO_CARD)
def test_what_only_resembles_a_card_is_a_sentence_at_its_field(name: str) -> None:
    with pytest.raises(PlanError) as caught:
        resolve(name)
    assert caught.value.field == "gpus"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("RX 7900", ("RX 7900 GRE", "RX 7900 XT", "RX 7900 XTX")),
        ("RTX 5070 Super", ("RTX 5070", "RTX 5070 Ti")),
        ("4090 Ti", ("RTX 4090",)),
        ("RTX 3060 24GB", ("8 or 12 GB",)),
        ("M2 Ultra 96GB", ("64, 128 or 192 GB",)),
        ("6000", ("Quadro RTX 6000", "RTX 6000 Ada", "RTX PRO 6000")),
    ],
)
def test_a_refusal_names_the_nearest(name: str, nearest: tuple[str, ...]) -> None:
    with pytest.raises(PlanError) as caught:
        resolve(name)
    assert all(one in str(caught.value) for one in nearest), str(caught.value)


def plain_words(name: str) -> list[str]:
    """The words of a name as a reader sees them, without brands and without what only repeats a model number's
    family.
    """
    text = re.sub(r"\([^)]*\)", " ", name.lower().replace("max-q", "maxq"))
    skipped = (
        "geforce radeon quadro tesla instinct generation edition jetson nvidia amd intel apple rtx gtx rx arc google"
        " aws huawei".split()
    )
    return sorted(
        word
        for word in re.findall(r"[a-z0-9+.]+", text)
        if word not in skipped and not re.fullmatch(r"\d+gb|sxm\d?|pcie|hbm\de?", word)
    )


TELLING_WORDS = (
    "ti",
    "super",
    "xt",
    "xtx",
    "gre",
    "laptop",
    "ada",
    "pro",
    "max",
    "ultra",
    "d",
    "max-q",
    "sff",
    "blackwell",
)


@pytest.mark.parametrize("vendor", sorted({gpu.vendor for gpu in gpus()}))
def test_a_word_more_or_less_is_never_another_card(vendor: str) -> None:
    """Whatever word is added to a card's name or left out, another card with other memory is meant only where that is
    its own name.
    """
    for gpu in (one for one in gpus() if one.vendor == vendor):
        for name in changed(gpu.name):
            found = find(name)
            if found is None or found.gpu.id == gpu.id or found.gpu.memory_gb == gpu.memory_gb or gpu in found.others:
                continue
            asked, names = (
                set(plain_words(name)),
                [set(plain_words(one)) for one in (found.gpu.name, *found.gpu.aliases)],
            )
            assert any(own <= asked | LEFT_OUT for own in names), (name, found.gpu.name)
            assert any(asked <= own | ADDED for own in names), (name, found.gpu.name)


def changed(name: str) -> list[str]:
    """A card's name with a telling word more, with each word left out, and with each digit changed."""
    words = name.split()
    more = [f"{name} {word}" for word in TELLING_WORDS]
    less = [" ".join(words[:index] + words[index + 1 :]) for index in range(len(words))]
    return (
        more
        + less
        + [
            name[: at.start()] + digit + name[at.end() :]
            for at in re.finditer(r"\d", name)
            for digit in "0459"
            if digit != at[0]
        ]
    )


LEFT_OUT = {"blackwell", "workstation", "server", "frontier"}
"""Words of a card's full name that its usual name leaves out."""
ADDED = {
    "ampere",
    "lovelace",
    "hopper",
    "volta",
    "turing",
    "pascal",
    "blackwell",
    "desktop",
    "workstation",
    "per",
    "gpu",
    "special",
    "modified",
}
"""Words that may stand beside a card's name and tell nothing."""


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
        ("3090 + 3060", [("3090", 1), ("3060", 1)]),
        ("3090, 3060", [("3090", 1), ("3060", 1)]),
        ("3090 and 3060", [("3090", 1), ("3060", 1)]),
        ("3090; 3060", [("3090", 1), ("3060", 1)]),
        ("3090\n2x 3060", [("3090", 1), ("3060", 2)]),
        ("1x3090 1x3060", [("3090", 1), ("3060", 1)]),
        ("2x 3090 1x 3060 12GB", [("3090", 2), ("3060 12GB", 1)]),
        ("dual 3090 + quad P40", [("3090", 2), ("P40", 4)]),
        ("two 4070s and a 4070S", [("4070", 2), ("a 4070S", 1)]),
        ("7900xtx", [("7900xtx", 1)]),
        ("2x 7900xtx, 6800xt", [("7900xtx", 2), ("6800xt", 1)]),
        ("8060S", [("8060S", 1)]),
        (
            "AMD Radeon RX 7900 XTX (radeonsi, navi31, LLVM 17.0.6)",
            [("AMD Radeon RX 7900 XTX (radeonsi, navi31, LLVM 17.0.6)", 1)],
        ),
        ("2x DGX H100", [("H100 SXM", 16)]),
        ("2x Nonesuch", [("Nonesuch", 2)]),
        ("", []),
    ],
)
def test_a_sentence_of_cards(text: str, found: list[tuple[str, int]]) -> None:
    assert parse_gpus(text) == found


def test_ids_in_a_sentence_are_whole() -> None:
    for start in range(0, len(gpus()), 60):
        some = gpus()[start : start + 60]
        assert parse_gpus(" + ".join(f"2x {gpu.id}" for gpu in some)) == [(gpu.id, 2) for gpu in some]
        assert parse_gpus(", ".join(gpu.name for gpu in some)) == [(gpu.name, 1) for gpu in some]


@pytest.mark.parametrize("text", ["0x RTX 4090", "2000x RTX 4090", " + ", ",", " + ".join(["L4"] * 65)])
def test_absurd_lists_are_refused(text: str) -> None:
    with pytest.raises(PlanError):
        parse_gpus(text)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("dual 3090", [("3090", 2)]),
        (["RTX 4090", "2x 3090"], [("RTX 4090", 1), ("3090", 2)]),
        ([{"name": "dual 3090"}], [("3090", 2)]),
        ([{"name": "2x RTX 4090", "count": 2}], [("RTX 4090", 4)]),
        ([{"name": "3090 + 3060", "memory_mib": 12_288}], [("3090", 1), ("3060", 1)]),
        ([{"name": "RTX 4090", "count": 3}], [("RTX 4090", 3)]),
        ([{"name": "Nonesuch"}], [("Nonesuch", 1)]),
    ],
)
def test_a_request_lists_gpus_in_any_way(value: object, read: list[tuple[str, int]]) -> None:
    assert [(spec.name, spec.count) for spec in PlanRequest.read({"model": "llama3:8b", "gpus": value}).gpus] == read


@pytest.mark.parametrize(
    "value", [[{}], [{"name": 3}], [3], {"name": "RTX 4090"}, [{"name": "RTX 4090", "count": "x"}], [None]]
)
def test_a_list_that_is_none_is_a_sentence(value: object) -> None:
    with pytest.raises(PlanError):
        PlanRequest.read({"model": "llama3:8b", "gpus": value})
    assert spec_list([3]) == [3]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "M2 Ultra",
            (
                "M2 Ultra is sold with 64, 128 or 192 GB and 60 or 76 GPU cores; 64 GB and 76 cores are taken: write M2"
                " Ultra 192GB for another."
            ),
        ),
        (
            "Apple M2 Ultra (76-core GPU)",
            "M2 Ultra is sold with 64, 128 or 192 GB; 64 GB is taken: write M2 Ultra 192GB for another.",
        ),
        (
            "M2 Ultra 192GB",
            "M2 Ultra is sold with 60 or 76 GPU cores; 76 cores are taken: write M2 Ultra 60-core for another.",
        ),
        ("MI50", "Instinct MI50 is sold with 16 or 32 GB; 32 GB is taken: write Instinct MI50 16GB for another."),
        ("3060", "RTX 3060 is sold with 8 or 12 GB; 12 GB is taken: write RTX 3060 8GB for another."),
        ("4060 ti", "RTX 4060 Ti is sold with 8 or 16 GB; 16 GB is taken: write RTX 4060 Ti 8GB for another."),
        (
            "A100",
            (
                "A100 SXM4 80GB is taken; the name could also mean A100 SXM4 40GB, A100 PCIe 40GB or A100 PCIe 80GB:"
                " write the name in full for another."
            ),
        ),
        (
            "RTX 6000",
            (
                "Quadro RTX 6000 is taken; the name could also mean RTX 6000 Ada Generation, RTX PRO 6000 Blackwell"
                " Workstation, RTX PRO 6000 Blackwell Max-Q or RTX PRO 6000 Blackwell Server: write the name in full"
                " for another."
            ),
        ),
    ],
)
def test_what_a_name_leaves_open_is_said(name: str, sentence: str) -> None:
    assert said(name) == sentence


@pytest.mark.parametrize(
    "name",
    [
        "RTX 4090",
        "rtx-3060-12gb",
        "GeForce RTX 3060 12GB",
        "RTX 3060 8GB",
        "M2 Ultra 76-core 128GB",
        "A100 PCIe 80GB",
        "H100 80GB HBM3",
        "Quadro RTX 6000",
        "NVIDIA A800 40GB Active",
        "M4 Max 36GB",
        "RTX 3060 [12288 MiB]",
        "M2 Ultra [196608 MiB]",
    ],
)
def test_a_name_that_says_all_is_left_alone(name: str) -> None:
    assert said(name) is None


def test_every_name_that_is_offered_means_another_card_or_size() -> None:
    for name in (name for gpu in gpus() for name in {gpu.name, *gpu.aliases}):
        sentence = said(name)
        offered = re.search(r"write (?!the name)(.+) for another", sentence or "")
        if offered:
            other, own = resolve(offered[1]), resolve(name)
            assert (other.id, other.memory_gb) != (own.id, own.memory_gb), sentence
        for other in find(name).others:  # type: ignore[union-attr]
            assert resolve(other.name).id == other.id, (sentence, other.name)


def test_what_was_taken_stands_in_the_answer() -> None:
    request = PlanRequest(model="llama3:8b", quantization="Q4_K_M", gpus="3060 + 2x RTX 4090")
    assert plan_json(plan(request))["notes"] == [said("3060")]
    assert "notes" not in plan_json(plan(request.changed(gpus="RTX 4090")))


@pytest.mark.parametrize(
    ("name", "whole", "compute", "bandwidth", "mib"),
    [
        ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", "a100-sxm4-80gb", 3 / 7, 4 / 8, 39_936),
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", "a100-sxm4-40gb", 3 / 7, 4 / 8, 19_968),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "a100-sxm4-40gb", 1 / 7, 1 / 8, 4_992),
        ("A100-SXM4-80GB MIG 1g.20gb", "a100-sxm4-80gb", 1 / 7, 2 / 8, 19_968),
        ("H100 PCIe MIG 7g.80gb", "h100-pcie-80gb", 1, 1, 79_520),
        ("A30 MIG 2g.12gb", "a30", 2 / 4, 2 / 4, 11_980),
        ("NVIDIA B300 SXM6 AC MIG 1g.34gb", "b300-sxm-288gb", 1 / 7, 1 / 8, 33_520),
    ],
)
def test_a_slice_has_its_own_memory_and_its_share_of_the_card(
    name: str, whole: str, compute: float, bandwidth: float, mib: int
) -> None:
    part, card = resolve(name), resolve(whole)
    assert (part.memory_mib, part.link_gb_per_s) == (mib, None)
    assert part.bf16_tflops == pytest.approx(card.bf16_tflops * compute)  # type: ignore[operator]
    assert part.bandwidth_gb_per_s == pytest.approx(card.bandwidth_gb_per_s * bandwidth)
    assert resolve(part.id) == part
    assert resolve(name, 12_345).memory_mib == 12_345


def test_a_vgpu_has_its_memory_and_shares_the_card_in_time() -> None:
    part, card = resolve("NVIDIA A40-24Q"), resolve("A40")
    assert (part.capacity_bytes, part.bandwidth_gb_per_s) == (24 * 2**30, card.bandwidth_gb_per_s)
    assert resolve(part.id) == part
    assert "in time" in (said("NVIDIA A40-24Q") or "")
    assert resolve("GRID A100D-80C").id.startswith("a100-pcie-80gb")
    assert resolve("GRID A100DX-80C").id.startswith("a100-sxm4-80gb")
    assert resolve("NVIDIA A100-2-10C").bf16_tflops == pytest.approx(312 * 2 / 7)


def test_a_slice_can_be_planned() -> None:
    answer = plan(PlanRequest(model="llama3:8b", quantization="Q4_K_M", gpus="2x NVIDIA A100-SXM4-80GB MIG 3g.40gb"))
    assert answer.fit.verdict == "fits"
    assert answer.memory.devices[0].capacity_bytes == 39_936 * 2**20
    whole = plan(PlanRequest(model="llama3:8b", quantization="Q4_K_M", gpus="A100-SXM4-80GB"))
    one = plan(PlanRequest(model="llama3:8b", quantization="Q4_K_M", gpus="A100-SXM4-80GB MIG 3g.40gb"))
    assert 0.3 < one.speed.decode_tokens_per_s.expected / whole.speed.decode_tokens_per_s.expected < 0.9
    assert slices_of(resolve("RTX 4090")) is None
