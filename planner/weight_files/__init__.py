"""GGUF and safetensors headers, and where a config comes from."""
