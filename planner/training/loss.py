"""The end of the model as a tape: final norm, head, logits and cross entropy.

With V logits a token the loss costs: the logits in 16 bit, which the model hands out (2V), an fp32 copy (4V) that
becomes its log-softmax, kept (4V); backwards the gradient of that and of the copy (4V each), then of the logits (2V).
Fused losses (Liger, Cut Cross-Entropy, torchtune's `LinearCrossEntropyLoss`) compute a chunk of tokens at a time,
logits and gradient, and keep neither.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.architecture.tensors import Stack, Tensor
from planner.training.layers import LayerMaker, Setting
from planner.training.tape import Run, Tape


@dataclass(frozen=True, slots=True)
class Ending:
    """The run of the tape, and what stays to the end of the backward pass because the caller holds the model's
    output.
    """

    run: Run
    held: int


def ending(main: Stack, vocab: int, setting: Setting, fused: bool, narrow: bool = False) -> Ending:
    """The tape after the last layer: what stands before the head, the head, and the loss.

    Without a head over the vocabulary the loss takes one vector of each sequence, and the model's output stays for its
    caller. `vocab` is this rank's part of the vocabulary; a `narrow` loss takes the logits as they are, without an fp32
    copy: transformers' losses of masked words and of encoder-decoders.
    """
    hidden, tokens, element = main.hidden_size, setting.tokens, setting.element
    tape = Tape(tokens * hidden * element)
    maker = LayerMaker(tape, setting, hidden)
    head = next((t for t in main.after if t.role == "lm_head"), None)
    before = before_head(main) if head else [t for t in before_head(main) if not t.is_matrix]
    x = tape.input
    if not before and setting.kernels.bare_norms:
        x = maker.norm(x, hidden, None)
    for tensor in before:
        width = tensor.shape[0]
        x = (
            maker.activation(maker.linear(x, tensor, tensor.shape[-1], width), width)
            if tensor.is_matrix
            else maker.norm(x, width, tensor)
        )
    if head is None:
        return Ending(tape.run(), tokens * hidden * element)
    hidden = head.shape[-1]
    logits = tokens * vocab
    if fused:
        chunk = chunk_tokens(tokens, vocab, hidden)
        room = chunk * vocab * (element + 4)
        tape.add(
            tokens * hidden * element,
            x,
            keeps_output=True,
            gradient=setting.trained.gradient(head) // setting.ranks,
            scratch=room,
        )
        return Ending(tape.run(), 0)
    raw = maker.linear(x, head, hidden, vocab)
    size = logits * element
    if setting.kernels.head_softcap:
        raw = tape.add(size, tape.add(size, raw, keeps_output=True))
    if narrow:
        tape.add(4, tape.add(size, raw, keeps_output=True))
        return Ending(tape.run(), size)
    wide = raw if element == 4 else tape.add(logits * 4, raw)
    logged = tape.add(logits * 4, wide, keeps_output=True)
    tape.add(4, logged, kept=[logged])
    return Ending(tape.run(), size)


def before_head(main: Stack) -> list[Tensor]:
    """Norms of the stream and dense layers of a masked-language head, in their order."""
    found, width = [], main.hidden_size
    for tensor in main.after:
        if tensor.role == "linear" and tensor.is_matrix and tensor.shape[-1] == width:
            width = tensor.shape[0]
        elif tensor.role != "norm" or tensor.shape != (width,):
            continue
        found.append(tensor)
    return found


def chunk_tokens(tokens: int, vocab: int, hidden: int) -> int:
    """Tokens whose logits a fused loss holds at once: as many as make its logits about as large as the stream itself.

    The rule of Liger's fused linear cross entropy: the next power of two of tokens / ceil(vocab / hidden).
    """
    share = -(-tokens // max(-(-vocab // hidden), 1))
    return int(min(1 << max(share - 1, 0).bit_length(), tokens))
