"""Small GGUF and safetensors files, written field by field from their public descriptions."""

from __future__ import annotations

import json
import struct
from typing import Any

KINDS = {"u32": (4, "I"), "i32": (5, "i"), "f32": (6, "f"), "bool": (7, "?"), "u64": (10, "Q")}


def gguf(
    metadata: dict[str, tuple[str, Any]],
    tensors: list[tuple[str, tuple[int, ...], int]],
    *,
    version: int = 3,
    order: str = "<",
    data_bytes: int = 0,
) -> bytes:
    """A GGUF: metadata as key -> (kind, value), where kind is `string`, a number of `KINDS`, or `[kind]`; tensors as
    (name, sizes with the fastest first, ggml type)."""
    size = order + ("I" if version == 1 else "Q")

    def text(value: str) -> bytes:
        return struct.pack(size, len(value.encode())) + value.encode()

    def value_of(kind: str, value: Any) -> bytes:
        return text(value) if kind == "string" else struct.pack(order + KINDS[kind][1], value)

    def number(kind: str) -> bytes:
        return struct.pack(order + "I", 8 if kind == "string" else KINDS[kind][0])

    out = (
        b"GGUF" + struct.pack(order + "I", version) + struct.pack(size, len(tensors)) + struct.pack(size, len(metadata))
    )
    for key, (kind, value) in metadata.items():
        if kind.startswith("["):
            item = kind[1:-1]
            body = (
                struct.pack(order + "I", 9)
                + number(item)
                + struct.pack(size, len(value))
                + b"".join(value_of(item, one) for one in value)
            )
        else:
            body = number(kind) + value_of(kind, value)
        out += text(key) + body
    for name, sizes, kind_number in tensors:
        out += text(name) + struct.pack(order + "I", len(sizes)) + struct.pack(f"{order}{len(sizes)}{size[1]}", *sizes)
        out += struct.pack(order + "IQ", kind_number, 0)
    return out + bytes(-len(out) % 32) + bytes(data_bytes)


LLAMA = {
    "general.architecture": ("string", "llama"),
    "general.file_type": ("u32", 15),
    "llama.block_count": ("u32", 2),
    "llama.context_length": ("u32", 8192),
    "llama.rope.freq_base": ("f32", 500000.0),
    "llama.attention.head_count_kv": ("[u32]", [8, 4]),
    "tokenizer.ggml.tokens": ("[string]", [f"token{i}" for i in range(2_000)]),
    "tokenizer.ggml.scores": ("[f32]", [0.0] * 2_000),
    "tokenizer.ggml.add_bos_token": ("bool", True),
}
TENSORS = [
    ("token_embd.weight", (512, 2_000), 14),
    ("blk.0.attn_q.weight", (512, 256), 12),
    ("output_norm.weight", (512,), 0),
]


def safetensors(tensors: dict[str, tuple[str, list[int], int]], data: bool = True) -> bytes:
    """A safetensors file: name -> (dtype, shape, bytes)."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end if data else 0)
