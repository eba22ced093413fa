"""The rows that gates turned away before labels are judged, in one table.

What belongs here: bringing them together, each with its gate. What does not: turning rows away (the
gates, `burnish.workflows.gates`), or what is kept of each gate (`burnish.versions`).
"""

from __future__ import annotations

import pyarrow as pa

from burnish.versions import Versions

GATES = ("raw_examples", "validated_examples")
"""What is turned away later is in the report of that gate, beside the labels it is about."""


def quarantined_rows(versions: Versions, dataset: str) -> pa.Table:
    """Rows of the published versions that their gates turned away, one line a failed expectation.

    Columns: gate (the stage it judged), then those of `Versions.quarantined`. A row turned away by
    the first gate never came to the second.
    """
    parts: list[pa.Table] = []
    for stage in GATES:
        rows = versions.quarantined(dataset, stage)
        parts.append(rows.add_column(0, "gate", pa.array([stage] * rows.num_rows, pa.string())))
    return pa.concat_tables(parts)
