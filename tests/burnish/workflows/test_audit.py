"""The audit workflow: current training rows in, a ranked table out."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from burnish.errors import DataError
from burnish.modeling import FolderCache
from burnish.spec import DatasetSpec
from burnish.workflows.audit import AUDIT_SCHEMA, audit_labels, predict_probs

KINDS = np.array(["iris", "rose", "tulip"])
SPEC = DatasetSpec.model_validate(
    {
        "name": "flowers",
        "source": {"path": "flowers.csv"},
        "target": "kind",
        "classes": ["tulip", "iris", "rose"],
        "features": {"petal": "numeric", "sepal": "numeric", "colour": "categorical"},
    }
)


def flowers(n: int = 200, *, seed: int = 0, first: int = 0) -> tuple[pa.Table, list[str]]:
    """Current examples, and the ids of the training rows whose label was planted wrong."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, n)
    points = np.array([[0, 0], [5, 0], [0, 5]])[true] + rng.normal(0, 0.8, (n, 2))
    split = np.where(np.arange(n) % 5 == 0, "test", "train")
    wrong = (rng.random(n) < 0.1) & (split == "train")
    labels = KINDS[np.where(wrong, (true + 1) % 3, true)].tolist()
    ids = [f"f{first + i:04d}" for i in range(n)]
    table = pa.table(
        {
            "example_id": ids,
            "petal": points[:, 0],
            "sepal": points[:, 1],
            "colour": rng.choice(["red", "white"], n).tolist(),
            "label": labels,
            "given_label": labels,
            "split": split.tolist(),
            "fold_group": ids,
        }
    )
    return table, [i for i, w in zip(ids, wrong, strict=True) if w]


def test_planted_errors_lead_the_audit() -> None:
    current, wrong = flowers()
    audit = audit_labels(predict_probs(current, SPEC), spec=SPEC)
    assert audit.schema == AUDIT_SCHEMA
    assert audit["audit_rank"].to_pylist() == list(range(1, 161))
    assert set(audit["example_id"].to_pylist()[: len(wrong) - 2]) <= set(wrong)
    first = audit.to_pylist()[0]
    assert first["confusion_pair"] == f"{first['label']}>{first['suggested_label']}"
    assert first["error_probability"] > 0.5 > audit["error_probability"].to_pylist()[-1]


def test_only_training_rows_are_judged_and_no_other_row_is_read() -> None:
    current, _ = flowers()
    probs = predict_probs(current, SPEC)
    assert set(probs["split"].to_pylist()) == {"train"}
    rows = pc.equal(current["split"], "test")
    at = current.column_names.index("petal")
    spoiled = current.set_column(at, "petal", pc.if_else(rows, float("inf"), current["petal"]))
    assert predict_probs(spoiled, SPEC).equals(probs)


def test_columns_follow_the_classes_of_the_spec() -> None:
    probs = predict_probs(flowers()[0], SPEC)
    assert probs.column_names == [
        "example_id", "label", "given_label", "split", "p:tulip", "p:iris", "p:rose",
        "model_disagreement", "copy_group", "neighbour_disagreement", "class_distance",
        "outlier_score", "leverage", "cluster",
    ]  # fmt: skip
    total = sum(probs[f"p:{name}"].to_numpy() for name in SPEC.classes)
    np.testing.assert_allclose(total, 1)


def test_unlabeled_rows_follow_once_and_are_not_ranked() -> None:
    current, _ = flowers()
    new, _ = flowers(20, seed=1, first=900)
    unlabeled = pa.concat_tables([new, current.slice(0, 5)]).drop_columns(
        ["label", "given_label", "split", "fold_group"]
    )
    probs = predict_probs(current, SPEC, unlabeled=unlabeled)
    assert probs.num_rows == 160 + 20
    tail = probs.slice(160)
    assert tail["example_id"].to_pylist() == new["example_id"].to_pylist()
    assert tail["label"].null_count == tail["split"].null_count == 20
    audit = audit_labels(probs).slice(160)
    assert audit["audit_rank"].null_count == audit["error_probability"].null_count == 20
    assert audit["suggested_label"].null_count == 0


def test_a_training_row_without_a_label_is_predicted_not_judged() -> None:
    current, _ = flowers()
    labels = current["label"].to_pylist()
    labels[1] = None
    at = current.column_names.index("label")
    audit = audit_labels(predict_probs(current.set_column(at, "label", pa.array(labels)), SPEC))
    assert audit.to_pylist()[-1]["example_id"] == "f0001"
    assert audit["audit_rank"].null_count == 1


def test_the_audit_reads_current_labels() -> None:
    current, wrong = flowers()
    probs = predict_probs(current, SPEC)
    first = audit_labels(probs).to_pylist()[0]
    ids, labels = current["example_id"].to_pylist(), current["label"].to_pylist()
    labels[ids.index(first["example_id"])] = first["suggested_label"]
    at = current.column_names.index("label")
    gone = next(name for name in wrong if name != first["example_id"])
    mended = current.set_column(at, "label", pa.array(labels)).filter(
        pc.field("example_id") != gone
    )
    after = {row["example_id"]: row for row in audit_labels(probs, current=mended).to_pylist()}
    assert after[first["example_id"]]["error_probability"] < 0.5
    assert after[first["example_id"]]["given_label"] == first["given_label"]
    assert gone not in after


def test_the_order_of_rows_changes_no_rank() -> None:
    probs = predict_probs(flowers()[0], SPEC)
    rows = np.random.default_rng(0).permutation(probs.num_rows)
    assert audit_labels(probs.take(rows)).equals(audit_labels(probs))


def test_what_cannot_be_audited_is_refused() -> None:
    current, _ = flowers()
    probs = predict_probs(current, SPEC)
    with pytest.raises(DataError, match="0 training rows"):
        predict_probs(current.filter(pc.field("split") == "test"), SPEC)
    with pytest.raises(DataError, match="no column 'sepal'"):
        predict_probs(current, SPEC, unlabeled=current.drop_columns(["sepal"]))
    with pytest.raises(DataError, match="probabilities for the classes"):
        audit_labels(probs.drop_columns(["p:rose"]), spec=SPEC)
    at = current.column_names.index("label")
    odd = current.set_column(at, "label", pa.array(["daisy"] * current.num_rows))
    with pytest.raises(DataError, match="'daisy' in row 0"):
        predict_probs(odd, SPEC)


def test_what_lies_around_a_row_is_said_and_copies_share_a_cluster() -> None:
    rows, _ = flowers()
    near = rows.slice(0, 30)
    moved = near.set_column(
        near.column_names.index("example_id"),
        "example_id",
        pa.array([f"copy-{name}" for name in near["example_id"].to_pylist()]),
    )
    both = pa.concat_tables([rows, moved])
    audit = audit_labels(predict_probs(both, SPEC)).to_pylist()
    of = {row["example_id"]: row for row in audit}
    for name in near["example_id"].to_pylist():
        if name in of:
            assert of[f"copy-{name}"]["cluster"] == of[name]["cluster"]
    assert {0.0} != {row["neighbour_disagreement"] for row in audit}
    assert all(0.0 <= row["class_distance"] <= 1.0 for row in audit)
    assert 0.8 < np.mean([row["leverage"] for row in audit]) < 1.2


def test_probabilities_that_somebody_brings_need_no_surroundings() -> None:
    probs = pa.table({"example_id": ["a", "b"], "label": ["x", "y"], "given_label": ["x", "y"],
                      "split": ["train"] * 2, "p:x": [0.9, 0.8], "p:y": [0.1, 0.2],
                      "model_disagreement": [0.0, 0.0]})  # fmt: skip
    assert audit_labels(probs)["leverage"].to_pylist() == [None, None]


def test_an_audit_again_fits_nothing_again(tmp_path: Path) -> None:
    rows, _ = flowers()
    told: list[tuple[int, int]] = []
    cache = FolderCache(tmp_path)
    first = predict_probs(rows, SPEC, cache=cache)
    again = predict_probs(rows, SPEC, cache=cache, progress=lambda *done: told.append(done))
    assert first.equals(again)
    assert len(told) == 1
