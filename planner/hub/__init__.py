"""The Hugging Face Hub: what is asked of it about a model, and how its refusals read.

Five questions, each a few small requests and never a weight: `fetch_config`, `model_info`, `safetensors_headers`,
`gguf_files` and `read_gguf_header`; and `repo_id_from`, which reads what people paste. All take the same options:

    revision: branch, tag or commit; the model's main branch by default.
    token: sent with this call only. Without one, nothing is sent: a token saved on this machine is never used.
    endpoint: a mirror; HF_ENDPOINT or https://huggingface.co by default.
    timeout_s: how long the Hub may stay silent.

All raise `HubError`, a `PlanError` of the field `model` that also says which kind of refusal it is.
"""

from planner.hub.access import HubError
from planner.hub.config import fetch_config
from planner.hub.files import GgufFile, gguf_files, read_gguf_header, safetensors_headers
from planner.hub.info import HubModel, model_info
from planner.hub.names import repo_id_from

__all__ = [
    "GgufFile",
    "HubError",
    "HubModel",
    "fetch_config",
    "gguf_files",
    "model_info",
    "read_gguf_header",
    "repo_id_from",
    "safetensors_headers",
]
