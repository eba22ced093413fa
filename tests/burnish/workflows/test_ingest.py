"""A source becomes the tables of the loop: as declared, unjudged, with stable ids."""

import gzip
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from burnish.errors import DataError, SourceUnreadable, SpecError
from burnish.spec import DatasetSpec, Source
from burnish.workflows.ingest import datasheet, read_annotations, read_examples, read_unlabeled


def spec_of(folder: Path, **parts: Any) -> DatasetSpec:
    base = {"name": "toy", "source": {"path": "toy.csv"}, "target": "kind", "folder": folder}
    return DatasetSpec.model_validate({**base, "features": {"x": "numeric"}, **parts})


def csv(folder: Path, text: str, name: str = "toy.csv") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_columns_have_the_names_order_and_types_of_the_contract(tmp_path: Path) -> None:
    csv(
        tmp_path,
        "site,kind,when,ok,x,town,key\n"
        "7,1,2026-01-02T03:04:05+01:00,yes,1,01,a\n"
        "8,,2026-01-02,F,NA,,b\n",
    )
    kinds = {"x": "numeric", "ok": "boolean", "when": "datetime", "town": "categorical"}
    raw = read_examples(spec_of(tmp_path, features=kinds, id="key"))
    assert raw.schema == pa.schema(
        {
            "example_id": pa.string(),
            "label": pa.string(),
            "x": pa.float64(),
            "ok": pa.bool_(),
            "when": pa.timestamp("us", "UTC"),
            "town": pa.string(),
            "site": pa.int64(),
        }
    )
    first, second = raw.to_pylist()
    assert (first["label"], first["town"], first["when"].hour) == ("1", "01", 2)
    assert (second["label"], second["x"], second["ok"], second["town"]) == (None, None, False, None)


def test_csv_gzip_and_parquet_give_the_same_rows_and_ids(tmp_path: Path) -> None:
    text = "x,kind,site\n1,cat,a\n2.5,dog,b\n,cat,a\n"
    csv(tmp_path, text)
    (tmp_path / "toy.csv.gz").write_bytes(gzip.compress(text.encode()))
    columns = {"x": [1.0, 2.5, None], "kind": ["cat", "dog", "cat"], "site": ["a", "b", "a"]}
    pa.parquet.write_table(pa.table(columns), tmp_path / "toy.parquet")
    found = [
        read_examples(spec_of(tmp_path, source={"path": name}))
        for name in ("toy.csv", "toy.csv.gz", "toy.parquet")
    ]
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_an_id_made_of_content_does_not_depend_on_order(tmp_path: Path) -> None:
    lines = [f"{n % 5},{'ab'[n % 2]}\n" for n in range(40)]
    csv(tmp_path, "x,kind\n" + "".join(lines))
    before = read_examples(spec_of(tmp_path))
    random.Random(0).shuffle(lines)
    csv(tmp_path, "x,kind\n" + "".join(lines))
    after = read_examples(spec_of(tmp_path))
    assert len(set(before["example_id"].to_pylist())) == 40
    assert before.sort_by("example_id").equals(after.sort_by("example_id"))


def test_what_a_gate_should_judge_passes_through(tmp_path: Path) -> None:
    csv(tmp_path, "key,x,kind\na,inf,cat\na,1,wolf\n,2,\n")
    raw = read_examples(spec_of(tmp_path, id="key", classes=["cat", "dog"]))
    assert raw["example_id"].to_pylist() == ["a", "a", None]
    assert raw["label"].to_pylist() == ["cat", "wolf", None]
    assert raw["x"][0].as_py() == float("inf")


@pytest.mark.parametrize(
    ("kind", "cells", "found"),
    [
        ("numeric", ["1", "NA", "1.2.3", "x"], "'1.2.3' in row 3 is not a number"),
        ("boolean", ["yes", "2"], "'2' in row 2 is not a boolean"),
        ("datetime", ["2026-01-01", "3/4/26"], "'3/4/26' in row 2 is not a time"),
    ],
)
def test_a_cell_not_of_its_kind_is_named(
    tmp_path: Path, kind: str, cells: list[str], found: str
) -> None:
    csv(tmp_path, "x,kind\n" + "".join(f"{cell},a\n" for cell in cells))
    with pytest.raises(DataError, match=rf"column 'x' of toy.csv: {found}"):
        read_examples(spec_of(tmp_path, features={"x": kind}))


def test_a_missing_column_names_the_closest(tmp_path: Path) -> None:
    csv(tmp_path, "height,kind\n1,a\n")
    with pytest.raises(DataError, match="did you mean 'height'"):
        read_examples(spec_of(tmp_path, features={"Hight": "numeric"}))
    with pytest.raises(DataError, match="slice 's': no column 'heigth'"):
        read_examples(
            spec_of(
                tmp_path,
                features={"height": "numeric"},
                slices=[{"name": "s", "column": "heigth"}],
            )
        )


def test_columns_called_as_those_of_the_loop_are_kept_aside(tmp_path: Path) -> None:
    csv(tmp_path, "key,x,kind,label,split,part\na,1,cat,old,q,train\n")
    raw = read_examples(spec_of(tmp_path, id="key", split={"column": "part"}))
    assert raw.column_names == [
        *("example_id", "label", "x", "source_label", "source_split", "part"),
    ]
    assert raw["label"].to_pylist() == ["cat"]


def test_several_files_are_named_in_the_rows(tmp_path: Path) -> None:
    csv(tmp_path, "x,kind\n1,a\n", "two/b.csv")
    csv(tmp_path, "x,kind\n2,a\n", "two/a.csv")
    csv(tmp_path, "kind,x,more\na,3,5\n", "one.csv")
    raw = read_examples(spec_of(tmp_path, source={"paths": ["one.csv", "two/*.csv"]}))
    assert raw["source_file"].to_pylist() == ["one.csv", "two/a.csv", "two/b.csv"]
    assert raw["x"].to_pylist() == [3.0, 2.0, 1.0]
    assert raw["more"].to_pylist() == [5, None, None]


def test_files_whose_columns_do_not_fit_are_refused(tmp_path: Path) -> None:
    for name, more in (("a", [1]), ("b", [[1.0]])):
        table = pa.table({"x": [1.0], "kind": ["a"], "more": more})
        pa.parquet.write_table(table, tmp_path / f"{name}.parquet")
    with pytest.raises(DataError, match="do not fit together"):
        read_examples(spec_of(tmp_path, source={"path": "*.parquet"}))


def test_images_and_signals_are_kept_as_they_are(tmp_path: Path) -> None:
    table = pa.table({"image": [[0.0, 1.0]], "png": [b"\x89"], "kind": ["a"]})
    pa.parquet.write_table(table, tmp_path / "toy.parquet")
    raw = read_examples(
        spec_of(
            tmp_path,
            source={"path": "toy.parquet"},
            features={"image": "image", "png": "image"},
        )
    )
    assert raw.select(["image", "png"]).equals(table.select(["image", "png"]))


def pictures(folder: Path, where: str = "data") -> DatasetSpec:
    """A spec in `catalog` of a file in `data`, whose images lie in a folder beside it or not."""
    csv(folder / "data", "key,pic,kind\n1,img/0.png,a\n2,img/1.png,b\n3,,b\n4,img/0.png,a\n")
    for place in range(2):
        csv(folder / where / "img", "", f"{place}.png")
    (folder / "catalog").mkdir(exist_ok=True)
    return spec_of(
        folder / "catalog",
        source={"path": "../data/toy.csv"},
        features={"pic": "image"},
        unlabeled={"path": "../data/toy.csv"},
    )


@pytest.mark.parametrize(
    ("where", "kept"),
    [("data", "../data/img/{}.png"), ("catalog", "img/{}.png")],
)
def test_image_paths_are_found_beside_their_file_else_beside_the_spec(
    tmp_path: Path, where: str, kept: str
) -> None:
    spec = pictures(tmp_path, where)
    rows = read_unlabeled(spec)
    assert rows is not None
    for found in (read_examples(spec), rows):
        paths = found["pic"].to_pylist()
        assert paths == [kept.format(0), kept.format(1), None, kept.format(0)]
        assert all((spec.folder / path).is_file() for path in paths if path)


def test_ids_of_content_stay_where_images_move_with_their_file(tmp_path: Path) -> None:
    spec = pictures(tmp_path)
    before = read_examples(spec)["example_id"]
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = spec.model_copy(update={"source": Source(path="../moved/toy.csv")})
    assert read_examples(moved)["example_id"].equals(before)


def test_an_absolute_image_path_stays_as_it_is(tmp_path: Path) -> None:
    csv(tmp_path, "", "0.png")
    csv(tmp_path, f"pic,kind\n{tmp_path / '0.png'},a\n")
    raw = read_examples(spec_of(tmp_path, features={"pic": "image"}))
    assert raw["pic"].to_pylist() == [str(tmp_path / "0.png")]


def test_images_of_several_files_are_each_found_beside_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        csv(tmp_path / name, "pic,kind\nx.png,a\n", "rows.csv")
        csv(tmp_path / name, "", "x.png")
    source = {"path": "*/rows.csv"}
    raw = read_examples(spec_of(tmp_path, source=source, features={"pic": "image"}))
    assert raw["pic"].to_pylist() == ["one/x.png", "two/x.png"]
    (tmp_path / "two" / "x.png").unlink()
    with pytest.raises(DataError, match=r"of rows.csv: the image 'x.png' in row 1 .*\n.*/two or "):
        read_examples(spec_of(tmp_path, source=source, features={"pic": "image"}))


@pytest.mark.parametrize("cell", ["img/1.png", "img", "a" * 5000, "https://example.org/1.png"])
def test_an_image_that_is_not_there_is_named(tmp_path: Path, cell: str) -> None:
    spec = pictures(tmp_path)
    (tmp_path / "data/img/1.png").unlink()
    csv(tmp_path / "data", f"pic,kind\nimg/0.png,a\n{cell},b\n")
    shown = cell if len(cell) < 200 else cell[:197] + "..."
    found = f"column 'pic' of toy.csv: the image '{shown}' in row 2 is not there"
    with pytest.raises(DataError, match=re.escape(found)) as caught:
        read_examples(spec)
    assert str(tmp_path / "data") in caught.value.expected
    assert str(tmp_path / "catalog") in caught.value.expected


def test_labels_of_floats_are_written_as_whole_numbers(tmp_path: Path) -> None:
    table = pa.table({"x": [1, 2, 3], "kind": [0.0, None, 1.0]})
    pa.parquet.write_table(table, tmp_path / "toy.parquet")
    raw = read_examples(spec_of(tmp_path, source={"path": "toy.parquet"}))
    assert raw["label"].to_pylist() == ["0", None, "1"]
    assert raw["x"].type == pa.float64()


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ({"path": "none.csv"}, SourceUnreadable),
        ({"path": "*.csv"}, SourceUnreadable),
        ({"path": "lake"}, SourceUnreadable),
        ({"path": "toy.csv", "format": "parquet"}, SourceUnreadable),
        ({"bundled": "nothing"}, DataError),
    ],
)
def test_a_source_that_cannot_be_opened_is_refused(
    tmp_path: Path, source: dict[str, str], error: type[Exception]
) -> None:
    (tmp_path / "lake" / "_delta_log").mkdir(parents=True)
    with pytest.raises(error):
        read_examples(spec_of(tmp_path, source=source))


def test_options_of_a_csv_are_checked(tmp_path: Path) -> None:
    (tmp_path / "toy.csv").write_bytes("x;kind\n1;ä\n".encode("latin-1"))
    options = {"delimiter": ";", "encoding": "latin-1"}
    raw = read_examples(spec_of(tmp_path, source={"path": "toy.csv", "options": options}))
    assert raw["label"].to_pylist() == ["ä"]
    with pytest.raises(SpecError, match="unknown option 'sep'"):
        read_examples(spec_of(tmp_path, source={"path": "toy.csv", "options": {"sep": ";"}}))


# ---------------------------------------------------------------- annotations, unlabeled


ANSWERS = {"source": {"path": "answers.csv"}, "example_id": "row", "annotator_id": "who"}


def voted(folder: Path, lines: list[str], seed: int = 0) -> dict[str, str | None]:
    csv(folder, "key,x\n" + "".join(f"{key},1\n" for key in "abcd"))
    csv(folder, "row,who,label\n" + "".join(lines), "answers.csv")
    spec = spec_of(folder, target=None, id="key", annotations=ANSWERS, random_state=seed)
    raw = read_examples(spec)
    return dict(zip(raw["example_id"].to_pylist(), raw["label"].to_pylist(), strict=True))


def test_the_majority_of_answers_is_the_label(tmp_path: Path) -> None:
    lines = ["a,1,cat\n", "a,2,dog\n", "a,3,dog\n", "b,1,cat\n", "c,1,\n", "zz,1,cat\n"]
    assert voted(tmp_path, lines) == {"a": "dog", "b": "cat", "c": None, "d": None}


def test_ties_do_not_depend_on_the_order_of_answers(tmp_path: Path) -> None:
    lines = [f"{key},{who},{label}\n" for key in "abcd" for who, label in enumerate(["x", "y"])]
    first = voted(tmp_path, lines)
    assert voted(tmp_path, lines[::-1]) == first
    assert {tuple(voted(tmp_path, lines, seed).values()) for seed in range(8)} != {
        tuple(first.values())
    }


def test_answers_that_belong_to_no_example_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no annotation belongs to any example"):
        voted(tmp_path, ["zz,1,cat\n"])


def test_annotations_have_their_schema(tmp_path: Path) -> None:
    csv(tmp_path, "row,who,label,at\n1,7,cat,2026-01-01\n", "answers.csv")
    answers = read_annotations(spec_of(tmp_path, annotations={**ANSWERS, "time": "at"}))
    assert answers is not None
    assert answers.column_names == ["example_id", "annotator_id", "label", "time"]
    assert [str(kind) for kind in answers.schema.types] == [
        *("string", "string", "string", "timestamp[us, tz=UTC]")
    ]
    untimed = read_annotations(spec_of(tmp_path, annotations=ANSWERS))
    assert untimed is not None
    assert untimed["time"].null_count == 1
    assert read_annotations(spec_of(tmp_path)) is None


def test_unlabeled_rows_have_no_label_whatever_the_file_says(tmp_path: Path) -> None:
    csv(tmp_path, "key,x,kind,who\nu,1,cat,007\n", "more.csv")
    spec = spec_of(tmp_path, id="key", unlabeled={"path": "more.csv"}, group="who")
    rows = read_unlabeled(spec)
    assert rows is not None
    assert rows.to_pylist() == [
        {"example_id": "u", "label": None, "x": 1.0, "who": "007", "fold_group": "007"}
    ]
    assert read_unlabeled(spec_of(tmp_path)) is None


def test_bundled_data_enters_by_the_same_door(tmp_path: Path) -> None:
    source = {"bundled": "digits", "options": {"unlabeled": 7}}
    spec = spec_of(
        tmp_path,
        source=source,
        unlabeled=source,
        annotations={"source": source},
        id="example_id",
        target="label",
        features={"image": "image"},
        split={"column": "split"},
    )
    raw, rows, answers = read_examples(spec), read_unlabeled(spec), read_annotations(spec)
    assert rows is not None
    assert answers is not None
    assert raw.column_names[:3] == ["example_id", "label", "image"]
    assert rows.num_rows == 7
    assert set(answers["example_id"].to_pylist()) <= set(raw["example_id"].to_pylist())


def test_a_datasheet_counts_classes_and_missing_values(tmp_path: Path) -> None:
    csv(tmp_path, "x,kind\n1,cat\n,dog\n3,dog\n4,\n")
    spec = spec_of(tmp_path, datasheet={"licence": "CC0"})
    sheet = datasheet(spec, read_examples(spec)).to_pydict()
    fields = dict(zip(sheet["field"], sheet["value"], strict=True))
    assert fields["licence"] == "CC0"
    assert fields["rows"] == "4"
    assert fields["class dog"] == "2 rows (50.0 %)"
    assert fields["missing x"] == fields["missing label"] == "25.0 %"


def test_a_delta_table_is_a_source(tmp_path: Path) -> None:
    from deltalake import write_deltalake

    write_deltalake(str(tmp_path / "lake"), pa.table({"x": [1.0, 2.0], "kind": ["a", "b"]}))
    raw = read_examples(spec_of(tmp_path, source={"path": "lake"}))
    assert raw["label"].to_pylist() == ["a", "b"]
    assert raw["x"].to_pylist() == [1.0, 2.0]
