"""What browsers say of a visitor's GPU."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.live.browser import FIELDS, LONGEST_TEXT, hint


@pytest.mark.parametrize(
    ("renderer", "gpu"),
    [
        ("ANGLE (NVIDIA, NVIDIA GeForce RTX 4090 (0x00002684) Direct3D11 vs_5_0 ps_5_0, D3D11)", "rtx-4090"),
        ("ANGLE (NVIDIA Corporation, NVIDIA GeForce RTX 3060/PCIe/SSE2, OpenGL 4.5.0)", "rtx-3060-12gb"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER/PCIe/SSE2", "rtx-4070-ti-super"),
        (
            "ANGLE (NVIDIA, NVIDIA GeForce RTX 4090 Laptop GPU Direct3D11 vs_5_0 ps_5_0, D3D11-31.0.15.3713)",
            "rtx-4090-laptop",
        ),
        ("ANGLE (Apple, ANGLE Metal Renderer: Apple M3 Max, Unspecified Version)", "apple-m3-max-40-core-gpu"),
        ("AMD Radeon RX 7900 XTX (radeonsi, navi31, LLVM 17.0.6, DRM 3.57)", "radeon-rx-7900-xtx"),
        ("Mesa Intel(R) Arc(tm) A770 Graphics (DG2)", "arc-a770-16gb"),
        ("NVIDIA GeForce GTX 980, or similar", None),
        ("Apple GPU", None),
        ("ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), SwiftShader driver)", None),
        ("llvmpipe (LLVM 15.0.7, 256 bits)", None),
        ("", None),
    ],
)
def test_renderers_of_real_browsers(renderer: str, gpu: str | None) -> None:
    found = hint({"webgl_renderer": renderer})
    assert (found.gpu.id if found.gpu else None) == gpu
    assert found.sentence.endswith((".", "?"))


def test_webgpu_alone_may_be_enough() -> None:
    found = hint(
        {"webgpu_vendor": "nvidia", "webgpu_architecture": "ada", "webgpu_description": "NVIDIA GeForce RTX 4080"}
    )
    assert found.gpu is not None
    assert found.gpu.id == "rtx-4080"
    assert hint({"webgpu_vendor": "nvidia", "webgpu_architecture": "ada"}).gpu is None


@given(
    st.dictionaries(
        st.sampled_from(FIELDS), st.one_of(st.text(max_size=400), st.integers(), st.none(), st.lists(st.text()))
    )
)
def test_anything_at_all_may_be_said(told: dict[str, object]) -> None:
    found = hint(told)
    assert len(found.said) <= LONGEST_TEXT
    assert found.sentence
