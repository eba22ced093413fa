"""A Parquet file of which each column chunk has a checksum of its own.

What belongs here: writing a table as such a file, and reading columns of it, verified. What does
not: where files lie (`burnish.store.places`), or which of them make up a version
(`burnish.store.commits`).

A checksum of the whole file could be verified by reading the whole file alone. With one for each
chunk, reading two columns of a wide table reads two columns, and every byte that is decoded was
verified first. These are XXH3 of 128 bits, which cost a tenth of the decoding and find what
happened by accident; the sha256 of the whole file is kept for `verify`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from xxhash import xxh3_128_hexdigest

from burnish.errors import CorruptTable, StoreError

TAIL = 8  # the length of the footer and the magic number
WORTH_THREADS = 1_000_000  # cells: fewer are decoded sooner than threads are woken


@dataclass(frozen=True)
class Part:
    """A file: its name, size and sha256, and checksums of its footer and chunks.

    `chunks` has for each row group a list of [start, stop, checksum], one a leaf column.
    """

    name: str
    size: int
    rows: int
    sha256: str
    footer: tuple[int, str]
    chunks: tuple[tuple[tuple[int, int, str], ...], ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(facts: Mapping[str, Any]) -> Part:
        footer, digest = facts["footer"]
        chunks = tuple(
            tuple((int(a), int(b), str(check)) for a, b, check in group)
            for group in facts["chunks"]
        )
        return Part(
            name=facts["name"],
            size=facts["size"],
            rows=facts["rows"],
            sha256=facts["sha256"],
            footer=(int(footer), str(digest)),
            chunks=chunks,
        )


def encode_part(name: str, data: pa.Table, *, what: str) -> tuple[Part, bytes]:
    """A table as the bytes of a file and its description; raises `StoreError` where it can't be."""
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(data, sink, compression="zstd")
    except pa.ArrowException as error:
        raise StoreError(
            f"a table for {what} cannot be written as Parquet: {error}",
            hint="cast the columns that Parquet does not know",
        ) from error
    whole = sink.getvalue()
    view = memoryview(whole)
    metadata = pq.ParquetFile(pa.BufferReader(whole)).metadata
    footer = len(view) - TAIL - int.from_bytes(view[-TAIL:-4], "little")
    groups = [
        tuple(_chunk(metadata.row_group(group).column(leaf), view) for leaf in range(leaves))
        for group in range(metadata.num_row_groups)
        for leaves in [metadata.num_columns]
    ]
    part = Part(
        name=name,
        size=len(view),
        rows=data.num_rows,
        sha256=hashlib.sha256(view).hexdigest(),
        footer=(footer, _checksum(view[footer:])),
        chunks=tuple(groups),
    )
    return part, whole.to_pybytes()


def leaves_of(schema: pa.Schema, columns: Sequence[str] | None) -> list[int]:
    """The leaf columns of a file that make up some columns of its schema (None: all)."""
    found: list[int] = []
    at = 0
    for field in schema:
        count = _leaf_count(field.type)
        if columns is None or field.name in columns:
            found += range(at, at + count)
        at += count
    return found


def ranges_of(part: Part, leaves: Sequence[int]) -> list[tuple[int, int]]:
    """The stretches of a file that are read for these leaf columns: its end, then the chunks."""
    chunks = [(group[leaf][0], group[leaf][1]) for group in part.chunks for leaf in leaves]
    return [(part.footer[0], part.size), *chunks]


def decode_part(
    part: Part, image: pa.Buffer, leaves: Sequence[int], columns: Sequence[str], *, what: str
) -> pa.Table:
    """The columns of a file from its image; raises `CorruptTable` for bytes not written."""
    view = memoryview(image)
    for start, stop, digest in _checks(part, leaves):
        if _checksum(view[start:stop]) != digest:
            raise CorruptTable(
                f"{what} does not have the checksum it was written with "
                f"({part.name}, bytes {start} to {stop})",
                hint="restore the folder of the table from a backup",
            )
    try:
        file = pq.ParquetFile(pa.BufferReader(image))
        # The reader takes a name with a dot for a path, and may bring its neighbours along.
        threads = part.rows * len(columns) > WORTH_THREADS
        chosen = file.read(columns=list(columns), use_threads=threads)
        return chosen.select(list(columns))
    except (pa.ArrowException, OSError) as error:
        raise CorruptTable(f"{what} cannot be read as Parquet: {error}") from error


def _checks(part: Part, leaves: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    yield part.footer[0], part.size, part.footer[1]
    for group in part.chunks:
        for leaf in leaves:
            yield group[leaf]


def _chunk(column: Any, view: memoryview) -> tuple[int, int, str]:
    start: int = column.dictionary_page_offset or column.data_page_offset
    stop = start + column.total_compressed_size
    return start, stop, _checksum(view[start:stop])


def _checksum(data: memoryview) -> str:
    return xxh3_128_hexdigest(data)


def _leaf_count(kind: pa.DataType) -> int:
    if isinstance(kind, pa.BaseExtensionType):
        return _leaf_count(kind.storage_type)
    if kind.num_fields == 0:
        return 1
    return sum(_leaf_count(kind.field(at).type) for at in range(kind.num_fields))
