"""`burnish init` writes a spec that loads, and says what people should know of it."""

from pathlib import Path

import pytest

from burnish.errors import DataError
from burnish.workflows.init import write_first_spec


def test_a_first_spec_is_written_once_with_what_stood_out(tmp_path: Path) -> None:
    file = tmp_path / "Toy data.csv"
    file.write_text("user_id,x,kind\n1,5,cat\n2,7,dog\n2,4,dog\n")
    out = tmp_path / "catalog" / "toy_data.yaml"
    first = write_first_spec(file, target="kind", out=out)
    assert (first.path, first.spec.name, first.spec.target) == (out, "toy_data", "kind")
    assert "user_id is not taken as the id" in first.notes[0]
    with pytest.raises(DataError, match="already there"):
        write_first_spec(file, target="kind", out=out)


def test_a_file_of_another_kind_is_told_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "toy.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match="save it as CSV"):
        write_first_spec(tmp_path / "toy.xlsx", target="kind", out=tmp_path / "toy.yaml")
