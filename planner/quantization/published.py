"""From a config's `quantization_config` to a `Scheme`: which format, and which modules were left alone or treated
otherwise.

Every method is a row of `METHODS`: a function that reads its section into rules, (names, format) pairs where the first
that names a module decides, None standing for the model's own 16-bit type. What no rule names follows the format's own
scope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from planner.architecture.config import Config
from planner.architecture.tensors import Architecture, Stack, Tensor
from planner.core.remember import remembered
from planner.quantization import formats
from planner.quantization.formats import EXPERT_ROLES, KEPT_ROLES, Format, Scheme, plain, rest_type, scheme, with_group
from planner.quantization.patterns import Names, read

Section = Mapping[str, Any]
Rule = tuple[Names, Format | None]


@dataclass(frozen=True)
class Published:
    """What a section says: the format of most matrices, and rules for those that differ."""

    format: Format
    rules: tuple[Rule, ...] = ()
    experts: Format | None = None
    note: str = ""


def has_experts(architecture: Architecture) -> bool:
    return any(layer.ffn is not None and layer.ffn.kind == "moe" for layer, _ in architecture.main.distinct)


@remembered
def scheme_for(architecture: Architecture, quantization: str) -> Scheme:
    """The scheme of a model under a requested format; `auto` is what the config publishes, else its own 16-bit type.

    A format that the model is published in keeps the published exceptions; any other replaces it with its own rule.

    Raises:
        PlanError: for a name that is no format.
    """
    experts, wanted = has_experts(architecture), quantization.lower()
    published = read_section(architecture.quantization, architecture.dtype) if architecture.quantization else None
    if published is None or (wanted != "auto" and wanted != published.format.asked):
        return scheme(architecture.dtype if wanted == "auto" else wanted, architecture.dtype, experts)
    return _applied(architecture, published, experts)


def read_section(section: object, dtype: str = "bf16") -> Published:
    """A `quantization_config` as rules; an unknown or unreadable one counts as 16 bit and says so."""
    if not isinstance(section, Mapping):
        return Published(plain(rest_type(dtype)), note="The quantization_config is not an object: counted in 16 bit.")
    method = section.get("quant_method")
    if method is None:
        method = (
            "mlx"
            if "bits" in section and "group_size" in section
            else "modelopt"
            if "quant_algo" in section or "quantization" in section
            else ""
        )
    reader = METHODS.get(str(method).lower().replace("_", "-")) if isinstance(method, str) else None
    found = reader(section) if reader else None
    if found is None:
        return Published(
            plain(rest_type(dtype)),
            note=f"The quantization method {str(method)[:40]!r} is not known: counted in 16 bit.",
        )
    unread = sum(names.unread for names, _ in found.rules)
    if unread:
        found = replace(found, note=f"{unread} of the config's module names could not be read and were left out.")
    return found


def _applied(architecture: Architecture, published: Published, experts: bool) -> Scheme:
    """The rules resolved against the model's own tensors, layer by layer where a rule names layers."""
    rest = rest_type(architecture.dtype)
    made = Scheme(published.format, rest, experts, published=True, note=published.note)
    mixed: dict[tuple[str, str], tuple[tuple[Format, int], ...]] = {}
    for stack in architecture.stacks:
        for tensor in stack.before + stack.after:
            _resolve(mixed, made, published, stack, tensor, tensor.name, frozenset({0}))
        where: dict[str, tuple[Tensor, set[int]]] = {}
        for index, layer in enumerate(stack.layers):
            for tensor in layer.all_tensors:
                where.setdefault(tensor.name, (tensor, set()))[1].add(index)
        for name, (tensor, layers) in where.items():
            _resolve(mixed, made, published, stack, tensor, f"{stack.prefix}*.{name}", frozenset(layers))
    return replace(made, mixed=mixed)


def _resolve(
    mixed: dict[tuple[str, str], tuple[tuple[Format, int], ...]],
    made: Scheme,
    published: Published,
    stack: Stack,
    tensor: Tensor,
    path: str,
    layers: frozenset[int],
) -> None:
    """Note in `mixed` what the rules say of one tensor in these layers, where it differs from the scheme's own rule."""
    if not tensor.is_matrix or (tensor.role in KEPT_ROLES and published.format.scope != "matrices"):
        return
    rule = made.format if made.quantizes(tensor, stack.name) else plain(made.rest)
    if published.experts is not None and tensor.role in EXPERT_ROLES:
        rule = published.experts
    left, found = layers, []
    for names, format in published.rules:
        listed = names.layers(path)
        hit = left if listed is None else left & listed
        if hit:
            found.append((plain(made.rest) if format is None else format, len(hit)))
            left -= hit
    if found or rule != made.format:
        mixed[stack.name, tensor.name] = (*found, *(((rule, len(left)),) if left else ()))


def _bits(section: Section, *keys: str, default: int) -> int:
    """The width of a weight that a section states."""
    return Config(section, "quantization_config.").int(*keys, default=default, high=16)


def _group(section: Section, *keys: str, default: int) -> int:
    """Weights that share a scale; -1 for a whole row."""
    return Config(section, "quantization_config.").int(*keys, default=default, low=-1, high=65_536)


def _named(id: str) -> Format:
    return formats.formats()[id]


def _kept(section: Section, *keys: str) -> tuple[Rule, ...]:
    return tuple((read(section.get(key)), None) for key in keys if section.get(key))


def _fp8(section: Section) -> Published:
    block = section.get("weight_block_size")
    format = _named("fp8-block" if isinstance(block, list) and len(block) == 2 else "fp8")
    experts = _named("mxfp4") if str(section.get("expert_dtype", "")).lower() in ("fp4", "mxfp4") else None
    return Published(format, _kept(section, "modules_to_not_convert", "ignored_layers"), experts)


def _grouped(id: str) -> Callable[[Section], Published]:
    def reader(section: Section) -> Published:
        bits = _bits(section, "bits", "w_bit", default=4)
        base = _named("gptq-int8" if id == "gptq-int4" and bits == 8 else id)
        group = _group(section, "group_size", "q_group_size", default=128)
        dynamic = section.get("dynamic")
        left = (
            [f"re:{key[2:]}" for key in dynamic if isinstance(key, str) and key.startswith("-:")]
            if isinstance(dynamic, Mapping)
            else []
        )
        rules = _kept(section, "modules_to_not_convert") + (((read(left), None),) if left else ())
        return Published(with_group(base, bits, group), rules)

    return reader


def _bitsandbytes(section: Section) -> Published:
    four = "nf4-dq" if section.get("bnb_4bit_use_double_quant") else "nf4"
    id = "int8" if section.get("load_in_8bit") or section.get("_load_in_8bit") else four
    return Published(_named(id), _kept(section, "llm_int8_skip_modules"))


def _weights(spec: object) -> Format | None:
    """The format that a compressed-tensors `weights` entry describes."""
    if not isinstance(spec, Mapping):
        return None
    bits, kind, group = (
        _bits(spec, "num_bits", default=8),
        str(spec.get("type", "int")),
        _group(spec, "group_size", default=-1),
    )
    if kind == "float":
        if bits == 4:
            return _named("mxfp4-linear") if group == 32 else _named("nvfp4")
        return _named("fp8-block" if spec.get("strategy") == "block" or spec.get("block_structure") else "fp8")
    if bits == 8 and group < 1:
        return _named("int8")
    return with_group(_named("w8a16" if bits == 8 else "w4a16"), bits, group)


def _compressed(section: Section) -> Published | None:
    groups = section.get("config_groups")
    rules = [*_kept(section, "ignore", "exclude_modules")]
    found: list[Format] = []
    for group in list(groups.values())[:1000] if isinstance(groups, Mapping) else []:
        format = _weights(group.get("weights")) if isinstance(group, Mapping) else None
        if format is None:
            continue
        targets = [
            name for name in group.get("targets") or () if isinstance(name, str) and name not in ("Linear", "FusedMoE")
        ]
        if targets:
            rules.append((read(targets), format))
        found.insert(len(found) if targets else 0, format)
    return Published(found[0], tuple(rules)) if found else None


ALGORITHMS = {
    "nvfp4": "nvfp4",
    "nvfp4_awq": "nvfp4",
    "fp8": "fp8",
    "mxfp8": "fp8",
    "fp8_pb_wo": "fp8-block",
    "w8a8_sq_per_channel": "int8",
    "w4a16_awq": "awq-int4",
    "w4a8_awq": "awq-int4",
    "mxfp4": "mxfp4-linear",
    "w4a8_mxfp4_fp8": "mxfp4-linear",
}
"""Formats by ModelOpt's `quant_algo`."""


def _modelopt(section: Section) -> Published | None:
    inner = section.get("quantization")
    section = inner if isinstance(inner, Mapping) else section
    grouped = _compressed(section)
    if grouped is not None:
        return grouped
    rules = [*_kept(section, "exclude_modules", "ignore", "modules_to_not_convert")]
    layers = section.get("quantized_layers")
    by_format: dict[str, list[str]] = {}
    for name, spec in layers.items() if isinstance(layers, Mapping) else ():
        id = ALGORITHMS.get(str(spec.get("quant_algo", "")).lower()) if isinstance(spec, Mapping) else None
        if id:
            by_format.setdefault(id, []).append(name)
    rules += [(read(names), _named(id)) for id, names in by_format.items()]
    common = ALGORITHMS.get(str(section.get("quant_algo", "")).lower()) or (
        max(by_format, key=lambda id: len(by_format[id])) if by_format else None
    )
    return Published(_named(common), tuple(rules)) if common else None


def _mxfp4(section: Section) -> Published:
    return Published(_named("mxfp4"), _kept(section, "modules_to_not_convert"))


def _mlx(section: Section) -> Published:
    """MLX quantizes embedding and head too; entries that are objects give a module its own width, `false` leaves it
    alone.
    """
    bits, group = _bits(section, "bits", default=4), _group(section, "group_size", default=64)
    base = _named(f"mlx-{bits}bit" if bits in (4, 6, 8) else "mlx-4bit")
    rules: list[Rule] = []
    for name, spec in section.items():
        if isinstance(spec, Mapping) and "bits" in spec:
            rules.append(
                (
                    read([name]),
                    with_group(base, _bits(spec, "bits", default=bits), _group(spec, "group_size", default=group)),
                )
            )
        elif spec is False and "." in name:
            rules.append((read([name]), None))
    return Published(with_group(base, bits, group), tuple(rules))


def _plain(id: str, *kept: str) -> Callable[[Section], Published]:
    return lambda section: Published(_named(id), _kept(section, *kept))


METHODS: dict[str, Callable[[Section], Published | None]] = {
    "fp8": _fp8,
    "fbgemm-fp8": _plain("fp8", "modules_to_not_convert"),
    "deepseek-v4-fp8": _fp8,
    "mxfp4": _mxfp4,
    "awq": _grouped("awq-int4"),
    "gptq": _grouped("gptq-int4"),
    "gptqmodel": _grouped("gptq-int4"),
    "auto-round": _grouped("gptq-int4"),
    "intel/auto-round": _grouped("gptq-int4"),
    "bitsandbytes": _bitsandbytes,
    "compressed-tensors": _compressed,
    "quark": _plain("fp8", "exclude"),
    "modelopt": _modelopt,
    "modelopt-fp4": _modelopt,
    "mlx": _mlx,
    "bitnet": _plain("ternary", "modules_to_not_convert"),
}
"""Readers by `quant_method`."""
