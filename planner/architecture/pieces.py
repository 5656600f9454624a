"""What stands around the layers of a tower: patch embeddings, position tables, norms, poolers, heads.

A piece is a function (config, shape) -> tensors, so that a tower is written as a list of pieces. Sizes are a number,
the name of a config key (`"in_channels|num_channels"` for a key with another spelling), or a function of config and
shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from planner.architecture import parts
from planner.architecture.config import Config
from planner.architecture.decoder import Shape
from planner.architecture.tensors import Role, Tensor
from planner.core.errors import PlanError

Piece = Callable[[Config, Shape], tuple[Tensor, ...]]
Size = int | str | Callable[[Config, Shape], int]


def hidden(config: Config, s: Shape) -> int:
    return s.hidden


def wide(config: Config, s: Shape) -> int:
    return s.ffn


def read(config: Config, s: Shape, size: Size) -> int:
    """A size in this config."""
    if isinstance(size, str):
        return config.int(*size.split("|"))
    return size if isinstance(size, int) else size(config, s)


def told(config: Config, flag: bool | str) -> bool:
    """A flag, or what the config says under this key."""
    return flag if isinstance(flag, bool) else config.flag(flag, default=False)


def times(factor: Size, size: Size = hidden) -> Size:
    """The product of two sizes."""
    return lambda config, s: read(config, s, factor) * read(config, s, size)


def square(side: Size, size: Size = hidden) -> Size:
    """A size that repeats over a square, as when `side` x `side` patches are merged into one."""
    return lambda config, s: read(config, s, side) ** 2 * read(config, s, size)


def pair(config: Config, *names: str) -> tuple[int, int]:
    """Height and width, given as one number or as a list of two."""
    value = config.get(*names)
    if isinstance(value, list | tuple) and value:
        sides = Config({names[0]: value[0], "width": value[-1]}, config.path)
        return sides.int(names[0], high=2**20), sides.int("width", high=2**20)
    if isinstance(value, dict):
        raise PlanError(
            f"The config's {config.path}{names[0]} must be a number or a list of two, not an object.", "config"
        )
    side = config.int(*names, high=2**20)
    return side, side


def grid(config: Config, s: Shape) -> int:
    """Patches of one image: (height / patch) * (width / patch)."""
    (height, width), (tall, broad) = pair(config, "image_size"), pair(config, "patch_size")
    return (height // tall) * (width // broad)


def grid_and(extra: int) -> Size:
    """The patches and so many tokens more, such as a class token."""
    return lambda config, s: grid(config, s) + extra


def color_channels(config: Config, s: Shape) -> int:
    return config.int("num_channels", "in_channels", "in_chans", default=3)


def patches(
    name: str,
    bias: bool = True,
    temporal: Size = 0,
    channels: Size = color_channels,
    flat: bool = False,
    width: Size = hidden,
) -> Piece:
    """The convolution that turns patches of pixels into tokens: (hidden, channels, [frames,] patch, patch);

    `flat` stores it as a matrix.
    """

    def make(config: Config, s: Shape) -> tuple[Tensor, ...]:
        out, tall, broad = read(config, s, width), *pair(config, "patch_size", "spatial_patch_size")
        frames = (read(config, s, temporal),) if temporal else ()
        shape = (out, read(config, s, channels), *frames, tall, broad)
        if flat:
            shape = (out, shape[1] * tall * broad)
        weight = Tensor(f"{name}.weight", shape, "patch_embedding")
        return (weight, Tensor(f"{name}.bias", (out,), "bias")) if bias else (weight,)

    return make


def table(
    name: str, rows: Size, width: Size = hidden, role: Role = "position_embedding", offset: int = 0, skip_if: str = ""
) -> Piece:
    """A table of `rows` (+ `offset`) vectors, such as learned positions; none where it would have no rows or the flag
    says to skip it.
    """

    def make(config: Config, s: Shape) -> tuple[Tensor, ...]:
        if skip_if and config.flag(skip_if, default=False):
            return ()
        count = (
            config.int(*rows.split("|"), default=0, low=0) if isinstance(rows, str) else read(config, s, rows)
        ) + offset
        return (Tensor(name, (count, read(config, s, width)), role),) if count > 0 else ()

    return make


def vector(name: str, *shape: Size, role: Role = "scalar") -> Piece:
    """A small tensor of its own: a class token, a scale of every channel, a gate."""
    return lambda config, s: (Tensor(name, tuple(read(config, s, size) for size in shape or (hidden,)), role),)


def norm(name: str, width: Size = hidden, bias: bool | str = True) -> Piece:
    return lambda config, s: parts.norm(name, read(config, s, width), told(config, bias))


def linear(
    name: str, out: Size = hidden, inner: Size = hidden, bias: bool | str = True, role: Role = "linear"
) -> Piece:
    """A linear layer; a text as `bias` is the config key that says whether it has one."""

    def make(config: Config, s: Shape) -> tuple[Tensor, ...]:
        return parts.linear(name, read(config, s, out), read(config, s, inner), role, told(config, bias))

    return make


def conv(name: str, out: Size, inner: Size, *kernel: Size, bias: bool = True) -> Piece:
    """A convolution: (out, inner, *kernel)."""

    def make(config: Config, s: Shape) -> tuple[Tensor, ...]:
        channels = read(config, s, out)
        weight = Tensor(
            f"{name}.weight", (channels, read(config, s, inner), *(read(config, s, side) for side in kernel)), "conv"
        )
        return (weight, Tensor(f"{name}.bias", (channels,), "bias")) if bias else (weight,)

    return make


def when(key: str, *pieces: Piece, default: bool = False, is_not: bool = False) -> Piece:
    """These pieces where the config's flag is set (or, with `is_not`, where it is not)."""
    return lambda config, s: together(pieces, config, s) if config.flag(key, default=default) != is_not else ()


def named(prefix: str, *pieces: Piece) -> Piece:
    """The same pieces below a path."""
    return lambda config, s: tuple(
        replace(tensor, name=f"{prefix}.{tensor.name}") for tensor in together(pieces, config, s)
    )


def together(pieces: tuple[Piece, ...], config: Config, s: Shape) -> tuple[Tensor, ...]:
    return tuple(tensor for piece in pieces for tensor in piece(config, s))


def attention_pool(name: str = "head") -> Piece:
    """One learned query attends to all tokens, then a feed-forward block: how SigLIP sums up an image
    (arXiv:2303.15343).
    """
    return named(
        name, vector("probe", 1, 1, hidden), *multihead("attention"), norm("layernorm"),
        linear("mlp.fc1", wide, hidden, role="up"), linear("mlp.fc2", hidden, wide, role="down"),
    )  # fmt: skip


def multihead(name: str, width: Size = hidden) -> tuple[Piece, ...]:
    """PyTorch's own attention module: queries, keys and values in one matrix, with biases."""
    return (
        vector(f"{name}.in_proj_weight", times(3, width), width, role="qkv"),
        vector(f"{name}.in_proj_bias", times(3, width), role="bias"),
        linear(f"{name}.out_proj", width, width, role="o"),
    )
