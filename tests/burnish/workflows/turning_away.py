"""A gate that is told which rows to turn away."""

from __future__ import annotations

import pyarrow as pa

from burnish.records import GateReport, Suite
from burnish.versions import QUARANTINE


class TurningAway:
    """Lets all rows pass but those named."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def run(self, suite: Suite, data: pa.Table, *, key: str | None = "example_id") -> GateReport:
        ids = data["example_id"].to_pylist()
        lines = [
            {"row": ids.index(name), "example_id": name, "code": "RAW-X", "expectation": "e",
             "column": "x", "value": "9"}
            for name in self.names
        ]  # fmt: skip
        found = pa.Table.from_pylist(lines, schema=QUARANTINE)
        return GateReport(suite.gate, data.num_rows, (), found, (), suite.digest)
