"""Tables on disk: Parquet files that hold their provenance as JSON in the metadata."""

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
    """Write a table and its provenance atomically, compressed by zstd.

    Equal tables and provenances give equal bytes.

    Args:
        table: Table to write; its index is dropped.
        provenance: Dataclass whose fields JSON can hold.
        path: File to write; its folder is made if necessary.

    Returns:
        The path.
    """
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
    """Read a table that `write` wrote, with its provenance.

    Args:
        path: File to read.
        provenance: Dataclass of the provenance.
        maker: Command that makes such a file, named in the error if it is missing.

    Raises:
        DataMissingError: The file is missing, or is not a result of this project.
    """
    if not path.exists():
        raise DataMissingError(f"{path} is missing: make it by `{maker}`")
    metadata = pq.read_schema(path).metadata or {}
    if _KEY not in metadata:
        raise DataMissingError(f"{path} is not a result of LatentDX: its metadata has no {_KEY.decode()!r}")
    found = json.loads(metadata[_KEY])
    return pd.read_parquet(path), provenance(
        **{f.name: found[f.name] for f in fields(provenance) if f.name in found}
    )
