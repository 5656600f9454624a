"""What PyTorch allocates while a real model class trains, without a GPU and without data: a check of the planner's
tape.

    python benchmarks/training_allocator.py config.json -b 4 -s 512 --method lora --checkpointing full
    python benchmarks/training_allocator.py bert.json -b 8 -s 512 --task classification

Needs torch, transformers and peft beside Headroom's own requirements. The model of the config is built on
FakeTensorMode, where tensors have shapes but no storage; every operation of one forward and backward pass is watched,
storages are counted when they appear and when they go. Everything is bf16, AdamW moments included; the step is not
taken (a fused AdamW allocates nothing there). Prints one JSON object: bytes of weights, steady state, and the peaks of
both passes, with the planner's own figures beside them.
"""

from __future__ import annotations

import argparse
import gc
import json
import weakref
from pathlib import Path
from typing import Any

import peft
import torch
from peft.tuners import tuners_utils
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForSpeechSeq2Seq,
)

from planner import TrainRequest, train

BF16 = torch.bfloat16


class Living(TorchDispatchMode):
    """Counts the bytes of every storage that is alive."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.now = self.peak = 0

    def see(self, tensor: Any) -> None:
        if isinstance(tensor, torch.Tensor):
            storage = tensor.untyped_storage()
            key, size = storage._cdata, storage.nbytes()
            if size and key not in self.sizes:
                self.sizes[key] = size
                self.now += size
                weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.sizes.pop(key, 0)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            self.see(leaf)
        self.peak = max(self.peak, self.now)
        return out


def built(config: Any, task: str) -> Any:
    """The class that the task trains: with a head over the vocabulary, over labels, or without one."""
    if task == "classification":
        return AutoModelForSequenceClassification.from_config(config, dtype=BF16)
    if task == "embedding":
        return AutoModel.from_config(config, dtype=BF16)
    if config.model_type == "whisper":
        return AutoModelForSpeechSeq2Seq.from_config(config, dtype=BF16)
    return (AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM).from_config(
        config, dtype=BF16
    )


def loss_of(model: Any, task: str, batch: int, length: int) -> tuple[Any, Any]:
    """One forward pass of `batch` sequences: the model's output, which the caller holds, and the loss."""
    tokens = torch.zeros((batch, length), dtype=torch.long)
    if task == "classification":
        out = model(input_ids=tokens, labels=torch.zeros(batch, dtype=torch.long))
    elif task == "embedding":
        out = model(input_ids=tokens)
        pooled = torch.nn.functional.normalize(out.last_hidden_state.mean(1), dim=-1)
        return out, torch.nn.functional.cross_entropy(pooled @ pooled.T, torch.arange(batch))
    elif model.config.model_type == "whisper":
        config = model.config
        features = torch.zeros((batch, config.num_mel_bins, 2 * config.max_source_positions), dtype=BF16)
        out = model(input_features=features, labels=tokens, use_cache=False)
    else:
        out = model(input_ids=tokens, labels=tokens.clone(), use_cache=False)
    return out, out.loss


def adapted(model: Any, rank: int, dora: bool) -> Any:
    """The model with adapters on every linear layer, made in place of moved, which tensors without storage do
    not bear.
    """
    keep, move = torch.nn.Module._apply, tuners_utils.BaseTunerLayer._move_adapter_to_device_of_base_layer
    torch.nn.Module._apply = lambda self, function, recurse=True: self  # type: ignore[method-assign]
    tuners_utils.BaseTunerLayer._move_adapter_to_device_of_base_layer = lambda self, *args, **kwargs: None
    torch.set_default_dtype(BF16)
    try:
        config = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules="all-linear", lora_dropout=0.0, use_dora=dora)
        return peft.get_peft_model(model, config, autocast_adapter_dtype=False)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.nn.Module._apply, tuners_utils.BaseTunerLayer._move_adapter_to_device_of_base_layer = keep, move  # type: ignore[method-assign]


def measure(
    raw: dict[str, Any],
    batch: int,
    length: int,
    method: str,
    checkpointing: bool,
    rank: int,
    attention: str,
    task: str = "sft",
) -> dict[str, int]:
    """Bytes of one forward and one backward pass."""
    fields = {
        key: value
        for key, value in raw.items()
        if key not in ("model_type", "quantization_config", "auto_map", "torch_dtype", "dtype", "architectures")
    }
    config = AutoConfig.for_model(raw["model_type"], **fields)
    config._attn_implementation, config.use_cache = attention, False
    for name in ("pad_token_id", "decoder_start_token_id"):
        if getattr(config, name, None) is None:
            setattr(config, name, 0)
    for key, value in vars(config).items():
        if "drop" in key and isinstance(value, float):
            setattr(config, key, 0.0)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = built(config, task)
        if method != "full":
            model = adapted(model, rank, method == "dora")
        model.train()
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            if method != "full":
                model.enable_input_require_grads()
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        moments = [torch.zeros_like(parameter) for parameter in trained for _ in range(2)]
        watch = Living()
        with watch:
            for tensor in (*model.parameters(), *model.buffers()):
                watch.see(tensor)
            weights = watch.now
            for tensor in moments:
                watch.see(tensor)
            steady = watch.now
            watch.peak = watch.now
            out, loss = loss_of(model, task, batch, length)
            forward = watch.peak
            watch.peak = watch.now
            loss.backward()
            backward = watch.peak
            del loss, out
            gc.collect()
            learned = sum(parameter.numel() for parameter in trained)
            return {
                "trained": learned,
                "weights": weights,
                "steady": steady,
                "peak_forward": forward,
                "peak_backward": backward,
                "after_backward": watch.now,
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("-b", "--batch", type=int, default=4)
    parser.add_argument("-s", "--length", type=int, default=512)
    parser.add_argument("--method", choices=("full", "lora", "dora"), default="full")
    parser.add_argument("--checkpointing", choices=("none", "full"), default="none")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    parser.add_argument("--task", choices=("sft", "classification", "embedding"), default="sft")
    options = parser.parse_args()
    raw = json.loads(options.config.read_text())
    found = measure(
        raw,
        options.batch,
        options.length,
        options.method,
        options.checkpointing == "full",
        options.rank,
        options.attention,
        options.task,
    )
    plan = train(
        TrainRequest.read(
            {
                "config": raw,
                "method": options.method,
                "micro_batch": options.batch,
                "seq_len": options.length,
                "checkpointing": options.checkpointing,
                "optimizer": "adamw-fused",
                "lora_rank": options.rank,
                "gpus": "H200",
                "task": options.task,
                "flash_attention": options.attention == "sdpa",
            }
        )
    )
    peak = max(found["peak_forward"], found["peak_backward"])
    planned = plan.peak_allocated.expected
    print(json.dumps({**found, "peak": peak, "planned": planned, "ratio": round(planned / peak, 5)}))


if __name__ == "__main__":
    main()
