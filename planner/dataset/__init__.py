"""What a fine-tune's data means for its plan: how long its samples are in tokens, what a maximum length cuts off, what
padding wastes.

    file -> rows (readers) -> samples (shapes) -> token counts (tokens) -> how many samples of each length (lengths) ->
    what follows (advice)

A file is read as a stream: memory is bounded by the longest line, not by the file, and nothing of it is kept but
counts.
"""

from planner.dataset.analysis import Analysis, analyse
from planner.dataset.lengths import Lengths
from planner.dataset.readers import Malformed, Source
from planner.dataset.tokens import Counter, Estimated, Tokenized

__all__ = ["Analysis", "Counter", "Estimated", "Lengths", "Malformed", "Source", "Tokenized", "analyse"]
