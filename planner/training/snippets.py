"""The run as code for three trainers:

TRL with PEFT, torchtune, Axolotl. Names come from outside and are always quoted.
"""

from __future__ import annotations

import json

from planner.case import Command, literal
from planner.core.data import table
from planner.training.plan import TrainPlan

OPTIM = {
    "adamw": "adamw_torch",
    "adamw-fused": "adamw_torch_fused",
    "adamw-foreach": "adamw_torch",
    "adamw-8bit": "adamw_bnb_8bit",
    "paged-adamw-8bit": "paged_adamw_8bit",
    "adafactor": "adafactor",
    "lion": "lion_32bit",
    "sgd": "sgd",
    "muon": "muon",
    "galore": "galore_adamw",
}
"""Names of transformers' `optim`, which Axolotl shares."""

CALLED = "train.jsonl"
"""The data file, as the snippets call it."""


def snippets(plan: TrainPlan) -> tuple[Command, ...]:
    """The same run for each trainer that can do it."""
    case = plan.case
    if case.task not in ("sft", "pretrain") or case.encoder or case.model.main.name == "encoder":
        text = embedder(plan) if case.task == "embedding" else trainer(plan)
        return (Command("Sentence Transformers" if case.task == "embedding" else "transformers", text),) if text else ()
    found = [Command("TRL and PEFT", trl(plan)), Command("Axolotl", axolotl(plan))]
    tune = torchtune(plan)
    return (*found, Command("torchtune", tune)) if tune else tuple(found)


def trl(plan: TrainPlan) -> str:
    """A script for `python train.py`, or `accelerate launch` on several GPUs."""
    request, case = plan.request, plan.case
    several = len(case.gpus) > 1
    adapters = request.method != "full"
    imports = ["import torch", "from datasets import load_dataset"]
    imports += ["from peft import LoraConfig"] if adapters else []
    imports += ["from transformers import BitsAndBytesConfig"] if case.scheme else []
    imports.append("from trl import SFTConfig, SFTTrainer")
    dtype = {"fp32": "torch.float32", "fp16-mixed": "torch.float16"}.get(request.precision, "torch.bfloat16")
    load = [f'"dtype": {dtype}' if adapters or request.precision == "bf16" else '"dtype": torch.float32']
    if case.scheme:
        load.append(f'"quantization_config": BitsAndBytesConfig({_bits(plan, dtype)})')
    options = {
        "output_dir": '"out"',
        "per_device_train_batch_size": request.micro_batch,
        "gradient_accumulation_steps": request.gradient_accumulation,
        "max_length": request.seq_len,
        "packing": request.packing,
        "num_train_epochs": f"{request.epochs:g}",
        "gradient_checkpointing": request.checkpointing != "none",
        "optim": f'"{OPTIM[request.optimizer]}"',
        "bf16": request.precision in ("bf16-mixed", "fp8") or (adapters and request.precision == "bf16"),
        "fp16": request.precision == "fp16-mixed",
        "use_liger_kernel": request.fused_cross_entropy,
        "torch_compile": request.compile,
        "model_init_kwargs": "{" + ", ".join(load) + "}",
    }
    sharding = case.sharding
    if several and sharding.startswith("fsdp"):
        options["fsdp"] = '"shard_grad_op auto_wrap"' if sharding == "fsdp-grad-op" else '"full_shard auto_wrap"'
    elif several and sharding.startswith("zero"):
        options["deepspeed"] = (
            f'{{"zero_optimization": {{"stage": {sharding[-1]}}}, "bf16": {{"enabled": True}},'
            ' "train_micro_batch_size_per_gpu": "auto"}'
        )
    start = f"# accelerate launch --num_processes {len(case.gpus)} train.py" if several else "# python train.py"
    lines = [start, *imports, "", f'data = load_dataset("json", data_files="{CALLED}", split="train")']
    lines += [
        f"config = SFTConfig({', '.join(f'{name}={value}' for name, value in options.items() if value is not False)})"
    ]
    if adapters:
        lines.append(
            f"adapters = LoraConfig(r={request.lora_rank}, lora_alpha={2 * request.lora_rank},"
            f" target_modules={_targets(plan)}"
            + (", use_dora=True" if request.method == "dora" else "")
            + (', modules_to_save=["embed_tokens", "lm_head"]' if request.train_embeddings else "")
            + ', task_type="CAUSAL_LM")'
        )
    extra = ", peft_config=adapters" if adapters else ""
    lines.append(f"SFTTrainer(model={literal(case.name)}, args=config, train_dataset=data{extra}).train()")
    return "\n".join(lines)


CLASSES = {
    "classification": ("AutoModelForSequenceClassification", "", "SEQ_CLS"),
    "pretrain": ("AutoModelForMaskedLM", "DataCollatorForLanguageModeling(tokenizer)", ""),
    "sft": ("AutoModelForSeq2SeqLM", "DataCollatorForSeq2Seq(tokenizer, model)", "SEQ_2_SEQ_LM"),
}
"""For each task that TRL has no trainer for: transformers' class, what makes its batches, and PEFT's name of the task.
"""


def trainer(plan: TrainPlan) -> str:
    """A script with transformers' own Trainer, for encoders and for models of encoder and decoder; "" for speech, whose
    samples are no text.
    """
    request, case = plan.request, plan.case
    if case.encoder and case.encoder.before:
        return ""
    kind, collator, peft_task = CLASSES["sft" if case.encoder else case.task]
    names = ["AutoTokenizer", kind, "Trainer", "TrainingArguments", *([collator.split("(")[0]] if collator else [])]
    name = literal(case.name)
    labels = ", num_labels=2" if case.task == "classification" else ""
    packed = (
        f", quantization_config=BitsAndBytesConfig({_bits(plan, _dtype(request.precision))})" if case.scheme else ""
    )
    answer = ', text_target=row["answer"]' if case.encoder else ""
    lines = [
        "# python train.py",
        *_imports(plan, f"from transformers import {', '.join(sorted(names))}"),
        "",
        f"tokenizer = AutoTokenizer.from_pretrained({name})",
        f"model = {kind}.from_pretrained({name}{labels}, dtype={_dtype(request.precision)}{packed})",
        *_adapters(plan, "model = get_peft_model(model, {})", peft_task),
        f'data = load_dataset("json", data_files="{CALLED}", split="train")',
        f'data = data.map(lambda row: tokenizer(row["text"]{answer}, truncation=True, max_length={request.seq_len}))',
        f"config = TrainingArguments({_options(plan)})",
        (
            "Trainer(model=model, args=config, train_dataset=data,"
            f" processing_class=tokenizer{f', data_collator={collator}' if collator else ''}).train()"
        ),
    ]
    return "\n".join(lines)


def embedder(plan: TrainPlan) -> str:
    """A script for Sentence Transformers: pairs of texts that belong together."""
    request, case = plan.request, plan.case
    load = [f'"dtype": {_dtype(request.precision)}']
    if case.scheme:
        load.append(f'"quantization_config": BitsAndBytesConfig({_bits(plan, _dtype(request.precision))})')
    lines = [
        "# python train.py",
        *_imports(
            plan,
            "from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer,"
            " SentenceTransformerTrainingArguments",
        ),
        "from sentence_transformers.losses import MultipleNegativesRankingLoss",
        "",
        f"model = SentenceTransformer({literal(case.name)}, model_kwargs={{{', '.join(load)}}})",
        f"model.max_seq_length = {request.seq_len}",
        *_adapters(plan, "model.add_adapter({})", "FEATURE_EXTRACTION"),
        f'data = load_dataset("json", data_files="{CALLED}", split="train").select_columns(["anchor", "positive"])',
        f"config = SentenceTransformerTrainingArguments({_options(plan)})",
        (
            "SentenceTransformerTrainer(model=model, args=config, train_dataset=data,"
            " loss=MultipleNegativesRankingLoss(model)).train()"
        ),
    ]
    return "\n".join(lines)


def _imports(plan: TrainPlan, library: str) -> list[str]:
    adapters = plan.request.method != "full"
    peft = (
        [
            (
                "from peft import LoraConfig, get_peft_model"
                if plan.case.task != "embedding"
                else "from peft import LoraConfig"
            )
        ]
        if adapters
        else []
    )
    bits = ["from transformers import BitsAndBytesConfig"] if plan.case.scheme else []
    return ["import torch", "from datasets import load_dataset", *peft, library, *bits]


def _dtype(precision: str) -> str:
    return "torch.bfloat16" if precision == "bf16" else "torch.float32"


def _adapters(plan: TrainPlan, line: str, task: str) -> list[str]:
    request = plan.request
    if request.method == "full":
        return []
    dora = ", use_dora=True" if request.method == "dora" else ""
    named = f', task_type="{task}"' if task else ""
    return [
        line.format(
            f"LoraConfig(r={request.lora_rank}, lora_alpha={2 * request.lora_rank},"
            f" target_modules={_targets(plan)}{dora}{named})"
        )
    ]


def _options(plan: TrainPlan) -> str:
    """Arguments that every trainer of transformers takes."""
    request = plan.request
    options = {
        "output_dir": '"out"',
        "per_device_train_batch_size": request.micro_batch,
        "gradient_accumulation_steps": request.gradient_accumulation,
        "num_train_epochs": f"{request.epochs:g}",
        "gradient_checkpointing": request.checkpointing != "none",
        "optim": f'"{OPTIM[request.optimizer]}"',
        "bf16": request.precision in ("bf16-mixed", "fp8"),
        "fp16": request.precision == "fp16-mixed",
        "torch_compile": request.compile,
    }
    return ", ".join(f"{name}={value}" for name, value in options.items() if value is not False)


def axolotl(plan: TrainPlan) -> str:
    """A YAML file for `axolotl train config.yaml`."""
    request, case = plan.request, plan.case
    lines = [
        f"base_model: {literal(case.name)}",
        "datasets:",
        f"  - path: {CALLED}",
        "    ds_type: json",
        "    type: chat_template",
        "output_dir: ./out",
    ]
    lines += [
        f"sequence_len: {request.seq_len}",
        f"sample_packing: {_yes(request.packing)}",
        f"micro_batch_size: {request.micro_batch}",
        f"gradient_accumulation_steps: {request.gradient_accumulation}",
        f"num_epochs: {request.epochs:g}",
        f"optimizer: {OPTIM[request.optimizer]}",
        f"gradient_checkpointing: {_yes(request.checkpointing != 'none')}",
        f"flash_attention: {_yes(request.flash_attention)}",
        f"bf16: {_yes(request.precision not in ('fp32', 'fp16-mixed'))}",
    ]
    if request.method != "full":
        lines += [
            f"adapter: {'qlora' if case.scheme else 'lora'}",
            f"lora_r: {request.lora_rank}",
            f"lora_alpha: {2 * request.lora_rank}",
        ]
        if request.lora_targets == "all-linear":
            lines.append("lora_target_linear: true")
        else:
            lines += ["lora_target_modules:", *(f"  - {literal(name)}" for name in request.lora_targets)]
        lines += ["peft_use_dora: true"] if request.method == "dora" else []
        if case.scheme:
            lines.append("load_in_4bit: true" if case.scheme.format.bits == 4 else "load_in_8bit: true")
    if request.fused_cross_entropy:
        lines += ["plugins:", "  - axolotl.integrations.liger.LigerPlugin", "liger_fused_linear_cross_entropy: true"]
    if len(case.gpus) > 1 and case.sharding.startswith("zero"):
        lines.append(f"deepspeed: deepspeed_configs/zero{case.sharding[-1]}.json")
    elif len(case.gpus) > 1 and case.sharding.startswith("fsdp"):
        again = _yes(case.sharding != "fsdp-grad-op")
        lines += [
            "fsdp_version: 2",
            "fsdp_config:",
            "  auto_wrap_policy: TRANSFORMER_BASED_WRAP",
            f"  reshard_after_forward: {again}",
        ]
    return "\n".join(lines)


def torchtune(plan: TrainPlan) -> str:
    """A `tune run` command with overrides, for models that torchtune has a recipe for; "" for others."""
    request, case = plan.request, plan.case
    known = {row["model"].lower(): row["config"] for row in table("torchtune_configs")}
    config = known.get(case.name.lower())
    if config is None or request.optimizer not in ("adamw", "adamw-fused", "adamw-8bit", "paged-adamw-8bit"):
        return ""
    several = len(case.gpus) > 1
    kind = "full" if request.method == "full" else "qlora" if request.method == "qlora" and not several else "lora"
    recipe = f"{'full' if kind == 'full' else 'lora'}_finetune_{'distributed' if several else 'single_device'}"
    start = (
        f"tune run --nproc_per_node {min(len(case.gpus), request.gpus_per_node)} {recipe}"
        if several
        else f"tune run {recipe}"
    )
    options = {
        "batch_size": request.micro_batch,
        "gradient_accumulation_steps": request.gradient_accumulation,
        "tokenizer.max_seq_len": request.seq_len,
        "dataset.packed": request.packing,
        "epochs": max(round(request.epochs), 1),
        "enable_activation_checkpointing": request.checkpointing != "none",
        "compile": request.compile,
        "dtype": "fp32" if request.precision == "fp32" else "bf16",
    }
    if kind != "full":
        options |= {"model.lora_rank": request.lora_rank, "model.lora_alpha": 2 * request.lora_rank}
    if "8bit" in request.optimizer:
        options["optimizer._component_"] = "bitsandbytes.optim." + (
            "PagedAdamW8bit" if request.optimizer.startswith("paged") else "AdamW8bit"
        )
    if request.fused_cross_entropy:
        options["loss._component_"] = "torchtune.modules.loss.LinearCrossEntropyLoss"
    lines = [
        f"{start} --config {config}_{kind}{'' if several else '_single_device'}",
        *(f"  {name}={value}" for name, value in options.items()),
    ]
    return " \\\n".join(lines)


def _bits(plan: TrainPlan, dtype: str) -> str:
    """Arguments of bitsandbytes for the frozen base."""
    name = plan.case.scheme.format.id if plan.case.scheme else ""
    if not name.startswith("nf4"):
        return "load_in_8bit=True"
    return (
        f'load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant={name == "nf4-dq"},'
        f" bnb_4bit_compute_dtype={dtype}"
    )


def _targets(plan: TrainPlan) -> str:
    targets = plan.request.lora_targets
    return json.dumps(targets if isinstance(targets, str) else list(targets))


def _yes(value: bool) -> str:
    return "true" if value else "false"
