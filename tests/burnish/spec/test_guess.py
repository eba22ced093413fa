"""A first spec is guessed from a file, loads again, and drives ingest."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import BurnishError, DataError, SourceUnreadable, SpecError
from burnish.spec import DatasetSpec, guess_from_file, guess_spec, load_spec
from burnish.spec.guess import infer, read_file
from burnish.workflows.ingest import read_examples

ROWS = 300


def people() -> pa.Table:
    draw = random.Random(0)
    return pa.table(
        {
            "PersonId": list(range(1, ROWS + 1)),
            "age": [float(draw.randint(1, 90)) for _ in range(ROWS)],
            "sex": [draw.choice("mf") for _ in range(ROWS)],
            "smoker": [draw.choice(["yes", "no"]) for _ in range(ROWS)],
            "zip": [f"{draw.randrange(99999):05d}" for _ in range(ROWS)],
            "town": [f"town{draw.randrange(90)}" for _ in range(ROWS)],
            "one": [1] * ROWS,
            "nearly": [7] + [3] * (ROWS - 1),
            "seen": [f"2026-01-{1 + place % 28:02d}" for place in range(ROWS)],
            "note": [f"person {place} said {draw.random()}" for place in range(ROWS)],
            "doctor_id": [draw.randrange(20) for _ in range(ROWS)],
            "method": [draw.choice("ab") for _ in range(ROWS)],
            "odd: name #1": [draw.random() for _ in range(ROWS)],
            "part": [draw.choice(["train", "dev", "Test"]) for _ in range(ROWS)],
            "ill": [draw.choice(["yes", "no", "01"]) for _ in range(ROWS)],
        }
    )


@pytest.fixture(params=["people.csv", "people.csv.gz", "people.parquet"])
def guessed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, DatasetSpec]:
    path = tmp_path / "data" / request.param
    path.parent.mkdir()
    if path.suffix == ".parquet":
        pa.parquet.write_table(people(), path)
    else:
        with pa.output_stream(str(path), compression="detect") as stream:
            pa.csv.write_csv(people(), stream)
    where = tmp_path / "catalog" / "people.yaml"
    where.parent.mkdir()
    text = guess_spec(path, target="ill", folder=where.parent)
    where.write_text(text, encoding="utf-8")
    return text, load_spec(where)


def test_each_column_gets_its_role(guessed: tuple[str, DatasetSpec]) -> None:
    text, spec = guessed
    kinds = {name: feature.kind for name, feature in spec.features.items()}
    assert spec.id == "PersonId"
    assert spec.classes == ("01", "no", "yes")
    assert kinds.pop("seen") in {"datetime", "categorical"}  # Parquet holds it as text here
    assert kinds == {
        "age": "numeric",
        "sex": "categorical",
        "smoker": "boolean",
        "town": "categorical",
        "note": "text",
        "odd: name #1": "numeric",
    }
    assert spec.split.values == {"train": "train", "dev": "validation", "Test": "test"}
    assert [cut.column for cut in spec.slices] == ["sex", "smoker"]
    for left_out, why in (("zip", "names rows"), ("one", "same"), ("nearly", "nearly")):
        assert f"#   {left_out}: " in text
        assert why in text
    assert "# group: doctor_id" in text
    assert "#   method: the loop writes a column of this name" in text


def test_a_guess_drives_ingest(guessed: tuple[str, DatasetSpec]) -> None:
    raw = read_examples(guessed[1])
    assert raw.num_rows == ROWS
    assert set(raw["label"].to_pylist()) == {"01", "no", "yes"}
    assert raw.schema.field("smoker").type == pa.bool_()
    assert raw["example_id"][0].as_py() == "1"


def test_another_delimiter_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x;y\n15;cat\n25;dog\n35;dog\n")
    spec_path = tmp_path / "a.yaml"
    spec_path.write_text(guess_spec(tmp_path / "a.csv", target="y"))
    assert load_spec(spec_path).source.options == {"delimiter": ";"}
    assert read_examples(load_spec(spec_path)).num_rows == 3


@pytest.mark.parametrize("name", ["a.tsv", "A.TSV.gz"])
def test_tabs_part_the_cells_of_a_tsv(tmp_path: Path, name: str) -> None:
    with pa.output_stream(str(tmp_path / name), compression="detect") as stream:
        stream.write(b"x\tnote\ty\n15\tone, two\tcat\n25\tthree\tdog\n35\t\tdog\n")
    (tmp_path / "a.yaml").write_text(guess_spec(tmp_path / name, target="y"))
    spec = load_spec(tmp_path / "a.yaml")
    assert spec.source.options == {}
    raw = read_examples(spec)
    assert raw["x"].to_pylist() == [15.0, 25.0, 35.0]
    assert raw["note"].to_pylist() == ["one, two", "three", None]


def customers(ids: list[str]) -> str:
    return "customer_id,x,y\n" + "".join(
        f"{key},{place * place % 17},{'ab'[place % 2]}\n" for place, key in enumerate(ids)
    )


@pytest.mark.parametrize("rows", [12, 300])
@pytest.mark.parametrize(
    ("spoilt", "fault"),
    [
        ({5: "3"}, "1 row repeats an earlier value"),
        ({5: "3", 6: "3"}, "2 rows repeat an earlier value"),
        ({5: ""}, "1 row has none"),
        ({5: "3", 7: ""}, "1 row repeats an earlier value and 1 has none"),
    ],
)
def test_an_id_with_a_few_faults_is_not_given_up_in_silence(
    tmp_path: Path, rows: int, spoilt: dict[int, str], fault: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(customers([spoilt.get(place, str(place)) for place in range(rows)]))
    guess = guess_from_file(path, target="y")
    assert guess.notes == (
        f"customer_id is not taken as the id: {fault}. Mend that and write `id: customer_id`",
    )
    said = " ".join(line.removeprefix("# ") for line in guess.text.splitlines())
    assert f"it is not taken, since {fault}. Mend that in the file and write `id: customer" in said
    assert yaml.safe_load(guess.text).get("id") is None


def test_what_is_sound_or_names_groups_is_not_called_a_faulty_id(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for ids in ([str(place) for place in range(60)], [str(place // 3) for place in range(60)]):
        path.write_text(customers(ids))
        assert guess_from_file(path, target="y").notes == ()


def test_an_id_that_pandas_made_floats_of_is_seen(tmp_path: Path) -> None:
    ids = [float(place) for place in range(40)]
    table = pa.table(
        {
            "user_id": pa.array([None, *ids[1:]]),
            "x": [place % 7 for place in range(40)],
            "y": ["a", "b"] * 20,
        }
    )
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    (note,) = guess_from_file(tmp_path / "a.parquet", target="y").notes
    assert note.startswith("user_id is not taken as the id: 1 row has none")


def pictures(folder: Path, names: list[str]) -> Path:
    path = folder / "data" / "pics.csv"
    path.parent.mkdir()
    lines = [f"{name},{'ab'[place % 2]}\n" for place, name in enumerate(names)]
    path.write_text("pic,y\n" + "".join(lines))
    return path


def test_image_files_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    path = pictures(tmp_path, [f"img/{place}.png" for place in range(4)])
    guess = guess_from_file(path, target="y", folder=tmp_path / "catalog")
    assert guess.notes == (
        "4 of 4 files that pic names are not in the folder of the file, say img/0.png",
    )
    assert f"# {guess.notes[0]}\n" in guess.text
    (path.parent / "img").mkdir()
    for place in range(4):
        (path.parent / "img" / f"{place}.png").touch()
    guess = guess_from_file(path, target="y", folder=tmp_path / "catalog")
    assert guess.notes == ()
    assert "  pic: image  # paths of image files" in guess.text


def test_images_that_no_model_can_read_are_left_out(tmp_path: Path) -> None:
    path = pictures(tmp_path, [f"{place}.webp" for place in range(4)])
    with pytest.raises(DataError, match="neither PNG nor JPEG"):
        guess_from_file(path, target="y")


def test_a_column_without_a_name_can_be_the_id(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",x,y\n0,1.5,cat\n1,2.5,dog\n")
    (tmp_path / "a.yaml").write_text(guess_spec(tmp_path / "a.csv", target="y"))
    raw = read_examples(load_spec(tmp_path / "a.yaml"))
    assert raw["example_id"].to_pylist() == ["0", "1"]


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (["x"] * 30, "the same value, 'x'"),
        ([""] * 30, "no value at all"),
        ([f"{place}.5" for place in range(30)], "a continuous number"),
    ],
)
def test_what_cannot_be_a_target_is_refused(tmp_path: Path, column: list[str], found: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"{n * n},{cell}\n" for n, cell in enumerate(column)))
    with pytest.raises(DataError, match=found):
        guess_spec(path, target="y")


def test_too_many_classes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "".join(f"{n % 7},c{n}\n" for n in range(1001)))
    with pytest.raises(DataError, match="1,001 different values"):
        guess_spec(path, target="y")


def test_an_unknown_target_names_the_closest_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,Label\n1,a\n2,b\n")
    with pytest.raises(DataError, match="did you mean 'Label'"):
        guess_spec(tmp_path / "a.csv", target="label")


def test_a_file_without_features_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,a\n1,b\n")
    with pytest.raises(DataError, match="x: the same value in every row"):
        guess_spec(tmp_path / "a.csv", target="y")
    with pytest.raises(SpecError, match="cannot name a dataset"):
        guess_spec(tmp_path / "a.csv", target="y", name="No Good")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"x,y\n", "no rows"),
        ("a.csv", b"x,y\n1,2\n1,2,3\n", "Row #3"),
        ("a.csv", b"x,y\n\xff,2\n", "latin-1"),
        ("a.csv", "x,y\n1,2\n".encode("utf-16"), "utf-16"),
        ("a.csv", b"PAR1....", "is Parquet"),
        ("a.csv", b"PK\x03\x04..", "Excel"),
        ("a.csv.gz", b"x,y\n1,2\n", "cannot be read"),
        ("a.parquet", b"x,y\n1,2\n", "looks like text"),
        ("a.txt", b"x,y\n1,2\n", r"ends in \.txt\n.*\.tsv.*\n.*save it as CSV"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceUnreadable, match=found):
        read_file(tmp_path / name)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "people.csv").touch()
    with pytest.raises(SourceUnreadable, match=r"did you mean 'people.csv'"):
        read_file(tmp_path / "peple.csv")
    with pytest.raises(SourceUnreadable, match="is a folder"):
        read_file(tmp_path)
    with pytest.raises(SourceUnreadable, match="there is no folder"):
        read_file(tmp_path / "none" / "people.csv")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,x\n1,2\n")
    with pytest.raises(DataError, match="two columns named 'x'"):
        read_file(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", None], pa.int64()),
        (["1.5", "NA"], pa.float64()),
        (["true", "FALSE"], pa.bool_()),
        (["2026-01-02", "2026-01-02 03:04"], pa.timestamp("us", "UTC")),
        (["2026-01-02T03:04:05Z"], pa.timestamp("us", "UTC")),
        (["007", "1"], pa.string()),
        (["12345678901234567890"], pa.string()),
        (["0x1F"], pa.string()),
        (["yes", "no"], pa.string()),
        (["NA", None], pa.string()),
        (["a", "1"], pa.string()),
    ],
)
def test_undeclared_text_takes_the_type_of_all_its_cells(
    cells: list[str | None], kind: pa.DataType
) -> None:
    assert infer(pa.chunked_array([pa.array(cells, pa.string())])).type == kind


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.lists(TEXT, min_size=2, max_size=4, unique=True), st.lists(TEXT, min_size=2, max_size=5))
def test_any_names_and_labels_survive_the_yaml(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], labels: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    features = {name: [place * 1.5 for place in range(len(labels))] for name in names[1:]}
    table = pa.table({names[0]: pa.array(labels, pa.string()), **features})
    pa.parquet.write_table(table, folder / "a.parquet")
    try:
        text = guess_spec(folder / "a.parquet", target=names[0])
    except BurnishError:
        assert len(set(labels)) < 2 or not features
        return
    (folder / "a.yaml").write_text(text, encoding="utf-8", newline="")
    spec = load_spec(folder / "a.yaml")
    assert spec.target == names[0]
    assert set(spec.classes) == set(labels)
    assert set(spec.features) <= set(names[1:])
    assert read_examples(spec)["label"].to_pylist() == labels
