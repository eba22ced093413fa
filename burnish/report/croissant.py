"""A dataset version as Croissant metadata: one Parquet file, described for machines.

What belongs here: the JSON-LD, and which Croissant type an Arrow type has. What does not: what
there is to say (`burnish.report.datasheet`), writing either file. Nothing is read or written, and
what nobody stated is left out, even where Croissant would like to have it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from burnish.errors import DataError
from burnish.report.datasheet import VersionSheet

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
CONFORMS_TO_RAI = "http://mlcommons.org/croissant/RAI/1.0"
RECORDS = "examples"
KEY = "example_id"

_EMAIL = re.compile(r"[^@\s:]+@[^@\s:]+\.[^@\s:]+")
_PLAIN_TERMS = (
    "annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field "
    "fileObject fileProperty fileSet format includes isArray isLiveDataset jsonPath key md5 "
    "parentField path readLines recordSet references regex repeated replace samplingRate "
    "sdVersion separator source subField transform unArchive"
)
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _PLAIN_TERMS.split()},
}
_TYPES = {
    "sc:Boolean": "boolean",
    "sc:Integer": "integer",
    "sc:Float": "floating decimal",
    "sc:Date": "date",
    "sc:DateTime": "timestamp",
    "sc:Time": "time",
    "sc:Text": "string large_string string_view binary large_binary binary_view fixed_size_binary "
    "null",
}


@dataclass(frozen=True)
class FileFacts:
    """The Parquet file beside the metadata: its name, sha256 (64 hex digits) and size in bytes."""

    name: str
    sha256: str
    size: int


def croissant(sheet: VersionSheet, schema: pa.Schema, file: FileFacts) -> dict[str, Any]:
    """Croissant 1.1 JSON-LD of the version in `file`, whose Arrow schema is `schema`.

    Plain JSON, to be written beside the file: it is found by its name. One record set,
    `examples`, has a field a column, keyed by example_id. The `@id` of a field is `examples/` and
    the column's name, where `~` and two hex digits stand for each byte that an `@id` cannot hold.

    Booleans, integers, floats, decimals, dates, times and timestamps have the Croissant type of
    that name (decimals: `sc:Float`); text, bytes and columns of nulls are `sc:Text`, since
    Croissant has no type for bytes. A list is an array of what it holds, of unknown length unless
    Arrow fixes it. A column of another type (struct, map, duration, ...) has no field, because
    readers would fail on it: the description of the record set names it.

    What a sheet says goes where Croissant has a place for it: source, collection and
    preprocessing into the RAI vocabulary; parents, iteration, run, code and ledger into PROV; the
    contact is the maintainer, never the creator. Name, digest, models and counts are said in
    words. What is empty is left out, although Croissant requires a licence, a url and a creator.

    Raises `DataError` where the schema has no example_id, or a name that is empty or used twice.
    Source: Croissant Format Specification 1.1 (MLCommons, 2026), with its RAI vocabulary 1.0.

    >>> from datetime import UTC, datetime
    >>> sheet = VersionSheet("pets", 2, "Our pets.", "", "", "", "CC0-1.0", "", "", "", (), 0,
    ...     "0" * 64, 3, {}, {}, {}, 1, datetime(2026, 1, 1, tzinfo=UTC), ())
    >>> schema = pa.schema({"example_id": pa.string(), "p:a b": pa.list_(pa.float32())})
    >>> made = croissant(sheet, schema, FileFacts("examples.parquet", "0" * 64, 512))
    >>> made["name"], made["version"], made["license"], "creator" in made
    ('pets', '2.0.0', 'CC0-1.0', False)
    >>> field = made["recordSet"][0]["field"][1]
    >>> field["@id"], field["dataType"], field["arrayShape"], field["source"]["extract"]
    ('examples/p~3Aa~20b', 'sc:Float', '-1', {'column': 'p:a b'})
    """
    _check_names(schema)
    file_id = f"files/{_safe(file.name)}"
    rai = _stated(
        {
            "rai:dataCollectionRawData": sheet.source,
            "rai:dataCollection": sheet.collection,
            "rai:dataPreprocessingProtocol": sheet.preprocessing,
        }
    )
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "name": sheet.dataset,
        "description": _description(sheet),
        "conformsTo": [CONFORMS_TO, CONFORMS_TO_RAI] if rai else CONFORMS_TO,
        # Each version is its own snapshot: other rows or labels, so another MAJOR number.
        "version": f"{sheet.number}.0.0",
        "datePublished": sheet.instant,
        "isLiveDataset": False,
        **_stated({"license": sheet.licence, "maintainer": _contact(sheet.contact)}),
        **rai,
        **_provenance(sheet),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file_id,
                "name": file.name,
                "contentUrl": file.name,
                "contentSize": f"{file.size} B",
                "encodingFormat": "application/x-parquet",
                "sha256": file.sha256,
            }
        ],
        "recordSet": [_record_set(sheet, schema, file_id)],
    }


def _check_names(schema: pa.Schema) -> None:
    counts = Counter(schema.names)
    for name in (name for name, count in counts.items() if count > 1):
        raise DataError(f"column {name!r} is there {counts[name]} times", expected="once")
    if "" in counts:
        raise DataError("a column has no name", hint="Croissant finds columns by their names")
    if KEY not in counts:
        raise DataError(f"no column {KEY!r}", expected=f"it among: {', '.join(schema.names)}")


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _description(sheet: VersionSheet) -> str:
    facts = (
        f"Dataset version {sheet.name}: {sheet.rows} rows, label events folded: {sheet.watermark}, "
        f"content digest: {sheet.digest}."
    )
    models = f" Models trained on it: {', '.join(sheet.models)}." if sheet.models else ""
    return "\n\n".join(filter(None, [sheet.description, facts + models]))


def _contact(contact: str) -> dict[str, str]:
    # Whether this is a person or a group was not stated, so neither is claimed.
    email = {"email": contact} if _EMAIL.fullmatch(contact) else {}
    return {"@type": "sc:ContactPoint", "name": contact, **email} if contact else {}


def _provenance(sheet: VersionSheet) -> dict[str, Any]:
    used = [f"label ledger of {sheet.dataset}, events folded: {sheet.watermark}"]
    used += [f"code {sheet.code_sha}"] if sheet.code_sha else []
    activity: dict[str, Any] = {
        "@type": "prov:Activity",
        "prov:label": f"{sheet.dataset}@iter{sheet.iteration}",
        **_stated({"identifier": sheet.run}),
        "prov:used": [_entity(label) for label in used],
    }
    parents = [_entity(parent) for parent in sheet.parents]
    return {"prov:wasGeneratedBy": activity, **_stated({"prov:wasDerivedFrom": parents})}


def _entity(label: str) -> dict[str, str]:
    return {"@type": "prov:Entity", "prov:label": label}


def _record_set(sheet: VersionSheet, schema: pa.Schema, file_id: str) -> dict[str, Any]:
    fields: list[dict[str, Any]] = []
    untyped: dict[str, str] = {}
    for column in schema:
        typed = _typed(column.type)
        if typed is None:
            untyped[column.name] = str(column.type)
        else:
            fields.append(_field(column, typed, file_id))
    said = {
        "Rows by class": dict(sheet.class_counts),
        "Rows by split": dict(sheet.split_counts),
        "Columns without a Croissant type, in the file all the same": untyped,
    }
    sentences = ["A record an example."]
    # JSON, since names of classes and columns may hold commas and colons.
    sentences += [f"{what}: {json.dumps(n, ensure_ascii=False)}." for what, n in said.items() if n]
    return {
        "@type": "cr:RecordSet",
        "@id": RECORDS,
        "name": RECORDS,
        "description": " ".join(sentences),
        "key": {"@id": f"{RECORDS}/{KEY}"},
        "field": fields,
    }


def _field(column: pa.Field, typed: tuple[str, tuple[int, ...]], file_id: str) -> dict[str, Any]:
    data_type, shape = typed
    array = {"isArray": True, "arrayShape": ",".join(map(str, shape))} if shape else {}
    return {
        "@type": "cr:Field",
        "@id": f"{RECORDS}/{_safe(column.name)}",
        "name": column.name,
        "description": f"Arrow type: {column.type}",
        "dataType": data_type,
        **array,
        "source": {"fileObject": {"@id": file_id}, "extract": {"column": column.name}},
    }


def _typed(kind: pa.DataType) -> tuple[str, tuple[int, ...]] | None:
    """Croissant type and array shape (empty for a single value), or None where there is none."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _typed(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _typed(kind.value_type)
    if not hasattr(kind, "value_field"):
        return next(((name, ()) for name, tests in _TYPES.items() if _is(kind, tests)), None)
    inner = _typed(kind.value_type)
    length = kind.list_size if types.is_fixed_size_list(kind) else -1
    return None if inner is None else (inner[0], (length, *inner[1]))


def _is(kind: pa.DataType, tests: str) -> bool:
    return any(getattr(pa.types, f"is_{test}")(kind) for test in tests.split())


def _safe(name: str) -> str:
    """A name as part of an `@id`: different names stay different, plain ones stay as they are."""
    # A segment of dots alone would be resolved away, as in a path.
    unsafe = r"[^A-Za-z0-9_.-]" if name.strip(".") else r"\."
    return re.sub(unsafe, lambda found: "".join(f"~{b:02X}" for b in found[0].encode()), name)
