"""A table on disk: one Parquet file, with all that made it as JSON in its metadata."""

import io
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from latentdx.errors import DataMissingError
from latentdx.extras import needs_extra
from latentdx.files import atomic_write

with needs_extra("train"):
    import pyarrow as pa
    import pyarrow.parquet as pq

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

P = TypeVar("P", bound="DataclassInstance")

_KEY = b"latentdx"


def write(table: pd.DataFrame, provenance: "DataclassInstance", path: Path) -> Path:
    """Write atomically, compressed by zstd. Same table and provenance, same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    text = json.dumps(asdict(provenance), ensure_ascii=False)
    arrow = arrow.replace_schema_metadata({_KEY: text.encode()})
    floats = [f.name for f in arrow.schema if pa.types.is_floating(f.type)]
    buffer = io.BytesIO()
    pq.write_table(
        arrow,
        buffer,
        compression="zstd",
        compression_level=19,
        use_dictionary=[f.name for f in arrow.schema if f.name not in floats],
        use_byte_stream_split=floats,
    )
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
    return path


def read(path: Path, provenance: type[P], maker: str) -> tuple[pd.DataFrame, P]:
    """Read a file that `write` made, with its provenance.

    Args:
        maker: the command that makes such a file, for the error where it is missing.

    Raises:
        DataMissingError: it is missing, or something else.
    """
    if not path.exists():
        raise DataMissingError(f"{path} is missing: make it by `{maker}`")
    metadata = pq.read_schema(path).metadata or {}
    if _KEY not in metadata:
        raise DataMissingError(f"{path} is no result of this project: its metadata lacks {_KEY.decode()!r}")
    found = json.loads(metadata[_KEY])
    return pd.read_parquet(path), provenance(**{f.name: found[f.name] for f in fields(provenance)})
