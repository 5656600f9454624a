"""A table as Arrow's own columns, for pages that are drawn again at every move of a slider: pandas takes longer to make
and to convert one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa


def table(rows: Iterable[Sequence[Any]], names: Sequence[str]) -> Any:
    """Rows as a table for `st.dataframe`."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table([pa.array(column) for column in columns], names=list(names))


def csv(table: Any) -> str:
    """The table as a file; written when it is asked for."""
    text: str = table.to_pandas().to_csv(index=False)
    return text
