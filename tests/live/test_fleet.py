"""A fleet from the real Prometheus server, which scrapes pages of ours as the two exporters print them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from planner.core.errors import PlanError
from planner.live import fleet
from planner.live.here import request_text, usable
from planner.live.placement import place
from planner.request import PlanRequest

MIB = 2**20


def dcgm(gpu: int, model: str, free: int, used: int, extra: str = "", **metrics: object) -> str:
    """A GPU on the page of DCGM-exporter, memory in MiB."""
    labels = (
        f'gpu="{gpu}",UUID="GPU-{model[-4:]}-{gpu}",device="nvidia{gpu}",modelName="{model}",Hostname="node-a"{extra}'
    )
    values = {"FB_FREE": free, "FB_USED": used, **metrics}
    return "".join(f"DCGM_FI_DEV_{name}{{{labels}}} {value}\n" for name, value in values.items())


def smi(uuid: str, name: str, index: int, free: int, used: int, **metrics: object) -> str:
    """A GPU on the page of nvidia_gpu_exporter, which names the card in one metric and knows it by its UUID in all
    others.
    """
    values = {
        "memory_free_bytes": free * MIB,
        "memory_used_bytes": used * MIB,
        "memory_total_bytes": (free + used) * MIB,
        "index": index,
        **metrics,
    }
    lines = [f'nvidia_smi_gpu_info{{driver_version="550.54",name="{name}",uuid="{uuid}",vbios_version="1"}} 1']
    return "\n".join(lines + [f'nvidia_smi_{key}{{uuid="{uuid}"}} {value}' for key, value in values.items()]) + "\n"


PAGES = {
    "/dcgm": (
        dcgm(1, "NVIDIA H100 80GB HBM3", 60_000, 21_000, FB_RESERVED=559, GPU_UTIL=88, POWER_USAGE=512.5, GPU_TEMP=63)
        + dcgm(0, "NVIDIA H100 80GB HBM3", 80_900, 100, FB_RESERVED=559, GPU_UTIL=0, TOTAL_ENERGY_CONSUMPTION=5_000_000)
        + dcgm(2, "NVIDIA A100-SXM4-40GB", 15_000, 4_968, ',GPU_I_PROFILE="3g.20gb",GPU_I_ID="1"')
    ),
    "/smi": smi(
        "df6e7a7c",
        "NVIDIA GeForce RTX 2080 SUPER",
        0,
        7_518,
        674,
        utilization_gpu_ratio=0.42,
        power_draw_watts="NaN",
        temperature_gpu=55,
    ),
}


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = PAGES.get(self.path, "").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def exporter() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def prometheus(exporter: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that has scraped both pages."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no Prometheus server is installed")
    folder = tmp_path_factory.mktemp("prometheus")
    jobs = "".join(
        f"  - job_name: {path[1:]}\n    metrics_path: {path}\n    static_configs: [{{targets: ['{exporter}'], labels:"
        f" {{node: {node}}}}}]\n"
        for path, node in (("/dcgm", "node-a"), ("/smi", "desk"), ("/nothing", "empty"))
    )
    (folder / "prometheus.yml").write_text(
        f"global:\n  scrape_interval: 2s\n  scrape_timeout: 2s\nscrape_configs:\n{jobs}"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as server:
        try:
            _wait_for_samples(f"http://{address}", server, folder / "log")
            yield f"http://{address}"
        finally:
            server.terminate()


def _wait_for_samples(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(fleet.ADDRESS, address)
        while time.monotonic() < end and server.poll() is None:
            try:
                if len(fleet.read()) == 2:
                    return
            except PlanError:
                pass
            time.sleep(0.1)
    pytest.fail(f"Prometheus scraped nothing: {log.read_text()[-2_000:]}")


def test_machines_by_both_exporters(prometheus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fleet.ADDRESS, prometheus + "/")
    desk, node = fleet.read()
    assert (desk.name, node.name) == ("desk", "node-a")
    (card,) = desk.gpus
    assert (card.name, card.uuid, card.index) == ("NVIDIA GeForce RTX 2080 SUPER", "df6e7a7c", 0)
    assert (card.total_bytes, card.free_bytes, card.utilization, card.temperature_c, card.power_w) == (
        8_192 * MIB,
        7_518 * MIB,
        42,
        55,
        None,
    )
    idle, busy, split = node.gpus
    assert [gpu.index for gpu in node.gpus] == [0, 1, 2]
    assert (idle.name, idle.total_bytes, idle.reserved_bytes, idle.energy_j) == (
        "NVIDIA H100 80GB HBM3",
        81_559 * MIB,
        559 * MIB,
        5_000,
    )
    assert (busy.free_bytes, busy.utilization, busy.power_w) == (60_000 * MIB, 88, 512.5)
    assert [(one.name, one.total_bytes, one.free_bytes) for one in split.mig] == [
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 19_968 * MIB, 15_000 * MIB)
    ]


def test_what_would_fit_where(prometheus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fleet.ADDRESS, prometheus)
    desk, node = fleet.read()
    question = PlanRequest(model="llama3:70b", quantization="Q8_0", engine="llama.cpp")
    on_node, on_desk = place(question, usable(node.gpus)), place(question, usable(desk.gpus))
    assert on_node.fits
    assert on_node.text == "h100-sxm5-80gb [80900/81559 MiB]"
    assert not on_desk.fits
    larger = place(question.changed(batch=4, context=32_768), usable(node.gpus))
    assert larger.fits
    assert [one.free_mib for one in larger.gpus] == [80_900, 60_000]
    assert request_text(usable(desk.gpus)) == "rtx-2080-super [7518/8192 MiB]"
    assert place(question, ()).answer is None


def test_a_degree_that_no_count_allows_says_so() -> None:
    card = fleet.machines_of(
        [({"__name__": "DCGM_FI_DEV_FB_FREE", "gpu": "0", "modelName": "NVIDIA L4", "Hostname": "a"}, 22_000.0)]
    )[0].gpus
    found = place(PlanRequest(model="llama3:8b", engine="vllm", tensor_parallel=8), usable(card))
    assert not found.fits
    assert found.reason


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "is named"),
        ("file:///etc/passwd", "is named"),
        ("prometheus:9090", "is named"),
        ("http://", "is named"),
        ("http://127.0.0.1:1", "does not answer"),
        ("http://{exporter}", "language"),
    ],
)
def test_an_address_that_is_no_prometheus(
    exporter: str, monkeypatch: pytest.MonkeyPatch, address: str, says: str
) -> None:
    monkeypatch.setenv(fleet.ADDRESS, address.format(exporter=exporter))
    monkeypatch.setenv(fleet.TOKEN, "secret")
    with pytest.raises(PlanError, match=says) as error:
        fleet.read()
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"data": {"result": [{}]}},
        {"data": {"result": [{"metric": {}, "value": [1, "x"]}]}},
        {"data": {"result": 3}},
    ],
)
def test_an_answer_of_another_shape_is_one_sentence(answer: object) -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        fleet._samples(answer)


def test_the_page_lists_the_fleet_and_a_row_can_be_planned_on(prometheus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.testing.v1 import AppTest

    from ui import fleet as listing

    monkeypatch.setenv(fleet.ADDRESS, prometheus)
    monkeypatch.setenv("HEADROOM_LIVE", "1")
    listing.machines.clear()
    test = AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=30)
    for key, value in {
        "model": "meta-llama/Meta-Llama-3-70B-Instruct",
        "quantization": "Q8_0",
        "gpus": "rtx-4090",
    }.items():
        test.query_params[key] = value
    test.switch_page("pages/my_gpus.py").run()
    assert not test.exception
    table = next(frame.value for frame in test.dataframe if "Machine" in frame.value.columns)
    assert list(table["Machine"]) == ["desk", "node-a"]
    assert list(table["On GPUs"])[1] == "0"
    assert table["This question"][1].startswith("Fits")
    assert any("fits on 1 of 2 machines" in text.value for text in test.text)
    monkeypatch.setenv(fleet.ADDRESS, "http://127.0.0.1:1")
    listing.machines.clear()
    test.run()
    assert not test.exception
    assert any("does not answer" in warning.value for warning in test.warning)
