"""A spec is read as it is written, and each mistake is named by file, line and key."""

from pathlib import Path

import pytest

from burnish.errors import SourceUnreadable, SpecError
from burnish.spec import (
    Source,
    load_catalog,
    load_spec,
    load_spec_named,
    resolve_paths,
    with_choices,
)

GOOD = """\
name: toy
source: {path: toy.csv}
target: kind
features:
  age: numeric
  city: categorical
"""


def write(folder: Path, text: str, name: str = "toy.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> list[str]:
    """The message of a refused spec, without the folder, one line each."""
    with pytest.raises(SpecError) as caught:
        load_spec(write(folder, text))
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_spec_knows_its_folder(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, GOOD))
    assert spec.folder == tmp_path
    assert spec.features["age"].kind == "numeric"


def test_classes_are_taken_as_written(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, GOOD + 'classes: [yes, no, 01, 1.0, 1e3, "null"]\n'))
    assert spec.classes == ("yes", "no", "01", "1.0", "1e3", "null")


def test_keys_are_taken_as_written(tmp_path: Path) -> None:
    spec = load_spec(
        write(tmp_path, GOOD + "  1: numeric\n  on: text\nsplit: {column: s, values: {no: test}}\n")
    )
    assert list(spec.features)[2:] == ["1", "on"]
    assert spec.split.values == {"no": "test"}


def test_slice_values_follow_the_kind_of_their_column(tmp_path: Path) -> None:
    slices = """\
slices:
  - {name: a, column: city, values: [yes, 01]}
  - {name: b, where: {city: no, age: [1, 2]}}
  - {name: c, column: other, values: [off, true, 3]}
"""
    a, b, c = load_spec(write(tmp_path, GOOD + slices)).slices
    assert a.values == ("yes", "01")
    assert b.where == {"city": "no", "age": [1, 2]}
    assert c.values == ("off", True, 3)


def test_an_exponent_is_a_number(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, GOOD + "model: {params: {C: 1e-3}}\n"))
    assert spec.model.params == {"C": 0.001}


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("numeric", "numerical") + "targt: x\nsplit:\n  test: 2\n"
    assert [line for line in refusal(tmp_path, text) if line.startswith("toy")] == [
        "toy.yaml, line 5, features.age: found 'numerical'",
        "toy.yaml, line 7, targt: found the unknown key 'targt'",
        "toy.yaml, line 9, split.test: found 2",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("slices:\n  - name: a\n    column: age\n    bins: [0, 1]\n  - nam: b\n", "line 11, "),
        ("slices: [{name: a, column: age, values: [1,\n  [2]]}]\n", "line 8, slices[0].values[1]"),
        ("gates:\n  expectations:\n  - expect: expect_x\n", "line 9, gates.expectations[0].on"),
        ("split:\n  files:\n    trian: [a.csv]\n", "line 9, split.files.trian"),
        ("description: a\ndescription: b\n", "line 8, description: found the key a second time"),
        ("classes: [a, b,\n  a]\n", "line 8, classes[2]: found 'a' again"),
        ("classes: [a, null]\n", "line 7, classes[1]: found null"),
        ("id: age\n", "line 5, features.age: found the column of `id`"),
        ("group: split\n", "line 7, group"),
        ("folder: x\n", "line 7, folder: found the unknown key"),
        ("id: no\n", "line 7, id: found no"),
        ("model:\n", "line 7, model: found nothing"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_line(tmp_path: Path, text: str, line: str) -> None:
    assert any(found.startswith(f"toy.yaml, {line}") for found in refusal(tmp_path, GOOD + text))


EXPECT = "gates:\n  expectations:\n  - on_fail: stop\n    expect: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "model: {name: forrest}\n",
            (
                "line 7, model.name: found 'forrest'\n"
                "  expected: one of: logistic, boosting, neighbours, forest, mlp; "
                "or module:Class of a classifier\n"
                "  hint: did you mean 'forest'?"
            ),
        ),
        ("model: foo\n", "line 7, model: found 'foo'\n  expected: one of: logistic"),
        ("model: {name: 'my.mod:'}\n", "line 7, model.name: found 'my.mod:'"),
        ("model:\n  trust: [My]\n", "line 8, model.trust: 'My' is no dotted name"),
        ("model:\n  trust: [my.mod:My]\n", "line 8, model.trust: 'my.mod:My' is no dotted name"),
        (
            "augment:\n  methods:\n  - foo\n",
            "line 9, augment.methods[0]: found 'foo'\n  expected: one of: tabular_interpolate",
        ),
        (
            "augment: {methods: [text_typo]}\n",
            "line 7, augment.methods[0]: found 'text_typo', which changes text features",
        ),
        ("random_state: -1\n", "line 7, random_state: found -1"),
        ("random_state: 4294967296\n", "line 7, random_state: found 4294967296"),
        (
            "review:\n  budget: 1\n",
            (
                "line 7, review: control_share 0.1 of a budget of 1 is 1 at random, which "
                "leaves no row to suspect: raise the budget, or set control_share: 0"
            ),
        ),
        ("review: {budget: 2, control_share: 0.8}\n", "line 7, review: control_share 0.8"),
        (
            "schedule:\n  cron: 0 25 * * *\n",
            "line 8, schedule.cron: found '0 25 * * *': the hour '25' is not in 0-23",
        ),
        (
            EXPECT + "expect_foo\n",
            "line 10, gates.expectations[0].expect: found 'expect_foo'\n  expected: a name that",
        ),
        (
            EXPECT + "expect_column_values_to_be_betwen\n",
            "hint: did you mean 'expect_column_values_to_be_between'?",
        ),
        (
            EXPECT + "expect_query_results_to_match_comparison\n",
            (
                "line 10, gates.expectations[0].expect: found "
                "'expect_query_results_to_match_comparison', which needs a database"
            ),
        ),
        (
            EXPECT + "expect_column_to_exist\n    kwargs:\n      colum: age\n",
            (
                "line 12, gates.expectations[0].kwargs.colum: found 'colum', which "
                "expect_column_to_exist does not take\n  expected: one of: column, column_index\n"
                "  hint: did you mean 'column'?"
            ),
        ),
        (
            EXPECT + "expect_column_to_exist\n",
            "gates.expectations[0].kwargs: has no 'column', which expect_column_to_exist needs",
        ),
    ],
)
def test_what_would_fail_at_a_stage_is_refused_when_read(
    tmp_path: Path, text: str, message: str
) -> None:
    assert message in "\n".join(refusal(tmp_path, GOOD + text))


def test_what_is_known_is_read(tmp_path: Path) -> None:
    text = """\
  note: text
model: {name: "my.mod:My", params: {depth: 3}, trust: [my.mod.My, my.mod.Other]}
augment: {methods: [text_typo, tabular_interpolate]}
random_state: 4294967295
review: {budget: 1, control_share: 0}
schedule: {cron: "*/30 1-5 * * MON-FRI"}
gates:
  expectations:
  - expect: expect_column_values_to_be_between
    on_fail: stop
    kwargs: {column: elsewhere, min_value: 0, mostly: 0.9, row_condition: {type: x}, meta: {a: 1}}
"""
    spec = load_spec(write(tmp_path, GOOD + text))
    assert spec.model.trust == ("my.mod.My", "my.mod.Other")
    assert spec.review.budget == 1


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("budgett: 5\n", "  hint: 'budget' belongs under `review`"),
        ("cron: 0 2 * * *\n", "  hint: 'cron' belongs under `schedule`"),
        ("column: a\n", "  hint: 'column' belongs under `split` or `simulation`"),
        ("modle: mlp\n", "  hint: did you mean 'model'?"),
        ("review: {buget: 3}\n", "  hint: did you mean 'budget'?"),
    ],
)
def test_an_unknown_key_hints_at_what_is_close_here_or_one_level_down(
    tmp_path: Path, text: str, hint: str
) -> None:
    assert refusal(tmp_path, GOOD + text)[-1] == hint


def test_an_unknown_key_far_from_all_has_no_hint(tmp_path: Path) -> None:
    assert "hint" not in "\n".join(refusal(tmp_path, GOOD + "foo: 1\n"))


def test_a_missing_key_is_named_on_the_line_of_its_parent(tmp_path: Path) -> None:
    found = refusal(tmp_path, GOOD + "slices:\n  - name: a\n    column: c\n  - column: b\n")
    assert found[0] == "toy.yaml, line 10, slices[1].name: is missing"


def test_a_mistyped_key_is_one_mistake(tmp_path: Path) -> None:
    found = refusal(tmp_path, GOOD.replace("source:", "sourse:"))
    assert "is missing" not in "\n".join(found)
    assert found[-1] == "  hint: did you mean 'source'?"


def test_a_value_that_fits_no_member_of_a_union_is_one_mistake(tmp_path: Path) -> None:
    found = refusal(tmp_path, GOOD + "slices: [{name: a, column: age, values: [[1]]}]\n")
    assert found[1] == "  expected: text or true/false or a whole number or a number"


def test_a_feature_that_production_would_overwrite_is_refused_where_there_is_production(
    tmp_path: Path,
) -> None:
    text = GOOD.replace("city: categorical", "period: numeric")
    assert "period" in load_spec(write(tmp_path, text)).features
    found = refusal(tmp_path, text + "production: {source: {path: a}, time: t, start: 2026-03-01}")
    assert found[0].startswith("toy.yaml, line 6, features.period: found 'period', a column that")


def test_the_target_as_a_feature_is_named_where_it_stands(tmp_path: Path) -> None:
    found = refusal(tmp_path, GOOD.replace("target: kind", "target: city"))
    assert found[0].startswith("toy.yaml, line 6, features.city")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "line 1, top level: found nothing"),
        ("- a\n", "line 1, top level: found a list"),
        ("name: [a\nb: c\n", "line 2"),
        ("name: a\n\tb: c\n", "line 2"),
        ("a: &x [*x]\n", "nested too deeply"),
        ("description: 2026-13-45\n", "line 1, column 14: month"),
        ("name: !odd x\n", "!odd"),
        ("? [a]\n: b\n", "line 1, column 3: a list as a key"),
        ("name: a\n---\nname: b\n", "line 2"),
    ],
)
def test_what_is_no_yaml_mapping_is_refused(tmp_path: Path, text: str, found: str) -> None:
    assert found in refusal(tmp_path, text)[0]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(SpecError, match="not UTF-8"):
        load_spec(path)
    with pytest.raises(SpecError, match="does not exist"):
        load_spec(tmp_path / "none.yaml")


def test_a_catalog_is_sorted_by_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path, GOOD.replace("toy\n", f"{name}\n", 1), f"{name}.yaml")
    assert list(load_catalog(tmp_path)) == ["a", "b"]


def test_a_catalog_tells_the_mistakes_of_all_files(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, "toy.yml")
    write(tmp_path, GOOD, "other.yaml")
    write(tmp_path, "name: bad\n", "bad.yaml")
    with pytest.raises(SpecError) as caught:
        load_catalog(tmp_path)
    message = str(caught.value)
    assert "bad.yaml, line 1, source: is missing" in message
    assert "other.yaml, line 1, name: found 'toy'\n  expected: 'other'" in message
    assert "toy.yml, line 1, name: found 'toy', which another file has too" in message


def test_a_catalog_must_be_there(tmp_path: Path) -> None:
    assert load_catalog(tmp_path) == {}
    with pytest.raises(SpecError, match="not a folder"):
        load_catalog(tmp_path / "none")


def test_choices_for_one_run_are_checked_as_those_of_the_spec(tmp_path: Path) -> None:
    spec = load_spec(write(tmp_path, GOOD + "group: home\nslices: [{name: a, column: city}]\n"))
    assert with_choices(spec) == spec
    chosen = with_choices(spec, budget=7, random_state=5)
    assert (chosen.review.budget, chosen.random_state, chosen.folder) == (7, 5, tmp_path)
    timed = load_spec(write(tmp_path, GOOD + "review: {minutes: 5}\n"))
    assert with_choices(timed) == timed
    assert with_choices(timed, budget=7).review.rows() == 7
    with pytest.raises(SpecError, match=r"review\n.*leaves no row to suspect"):
        with_choices(spec, budget=1)
    with pytest.raises(SpecError, match="random_state: found -1"):
        with_choices(spec, random_state=-1)


def test_one_spec_is_read_whatever_is_wrong_with_the_others(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, "name: [bad\n", "bad.yaml")
    assert load_spec_named(tmp_path, "toy").target == "kind"
    with pytest.raises(SpecError, match=r"bad\.yaml, line 2"):
        load_spec_named(tmp_path, "bad")


def test_a_spec_by_name_must_be_there_once_and_be_called_so(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(SpecError, match=r"no dataset 'tyo'[^?]*did you mean 'toy'\?"):
        load_spec_named(tmp_path, "tyo")
    with pytest.raises(SpecError, match="not a folder"):
        load_spec_named(tmp_path / "none", "toy")
    write(tmp_path, GOOD, "other.yml")
    with pytest.raises(SpecError, match=r"rename the file to toy\.yaml"):
        load_spec_named(tmp_path, "other")
    write(tmp_path, GOOD, "toy.yml")
    with pytest.raises(SpecError, match="which another file has too"):
        load_spec_named(tmp_path, "toy")


def test_a_glob_is_sorted_and_other_paths_stand_as_declared(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c[1].csv"):
        (tmp_path / name).touch()
    source = Source(paths=("z.csv", "c[1].csv", "[ab].csv", "a.csv"))
    found = [path.name for path in resolve_paths(source, tmp_path)]
    assert found == ["z.csv", "c[1].csv", "a.csv", "b.csv"]
    absolute = resolve_paths(Source(path=str(tmp_path / "*.csv")), Path("elsewhere"))
    assert [path.name for path in absolute] == ["a.csv", "b.csv", "c[1].csv"]


def test_a_glob_that_finds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match=r"\*\.zzz"):
        resolve_paths(Source(path="*.zzz"), tmp_path)


def test_a_slice_may_not_take_the_name_of_all_rows(tmp_path: Path) -> None:
    """Pages and tables know the whole by it."""
    found = refusal(tmp_path, GOOD + "slices: [{name: overall, column: age, values: [1]}]\n")
    assert "a slice is called overall, which is the name of all rows together" in found[0]
