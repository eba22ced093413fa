"""What is computed again after a change, and what is not."""

import os
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from burnish.modeling import FolderCache, PanelModel, joined_groups, out_of_sample_probabilities
from burnish.modeling.caching import content_key
from burnish.modeling.folds import assign_folds

MODELS = [PanelModel("linear", LogisticRegression(C=0.1, max_iter=500))]


def rows(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(100) % 2
    return rng.normal(size=(100, 3)) + labels[:, None], labels


class Counting:
    """A mapper that counts what reaches it."""

    def __init__(self) -> None:
        self.fits = 0

    def map(self, function, items):
        waiting = list(items)
        self.fits += len(waiting)
        return [function(item) for item in waiting]


def test_the_same_rows_and_labels_are_fitted_once(tmp_path: Path) -> None:
    X, labels = rows()
    cache, mapper = FolderCache(tmp_path), Counting()
    first = out_of_sample_probabilities(X, labels, models=MODELS, cache=cache, mapper=mapper)
    again = out_of_sample_probabilities(X, labels, models=MODELS, cache=cache, mapper=mapper)
    assert mapper.fits == 5
    assert np.array_equal(first.probs, again.probs)


def test_a_label_changed_in_one_fold_leaves_the_model_without_that_fold(tmp_path: Path) -> None:
    X, labels = rows()
    # Two labels of one fold change places, so that the folds stay as they are.
    folds = assign_folds(labels.astype(np.intp), None, n_folds=5, random_state=0)
    a = int(np.flatnonzero((folds == 2) & (labels == 0))[0])
    changed = labels.copy()
    changed[a] = 1
    groups = folds.tolist()
    cache, mapper = FolderCache(tmp_path), Counting()
    out_of_sample_probabilities(X, labels, models=MODELS, groups=groups, cache=cache, mapper=mapper)
    found = out_of_sample_probabilities(
        X, changed, models=MODELS, groups=groups, cache=cache, mapper=mapper
    )
    assert mapper.fits == 5 + 4
    fresh = out_of_sample_probabilities(X, changed, models=MODELS, groups=groups)
    assert np.array_equal(found.probs, fresh.probs)


def test_other_features_and_other_models_are_fitted_anew(tmp_path: Path) -> None:
    X, labels = rows()
    cache, mapper = FolderCache(tmp_path), Counting()
    other = [PanelModel("linear", LogisticRegression(C=0.2, max_iter=500))]
    for matrix, models in ((X, MODELS), (X + np.eye(100, 3), MODELS), (X, other)):
        out_of_sample_probabilities(matrix, labels, models=models, cache=cache, mapper=mapper)
    assert mapper.fits == 15


def test_a_file_that_was_cut_short_is_computed_again(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path)
    cache.put("a", np.arange(1_000))
    file = tmp_path / "a.npy"
    file.write_bytes(file.read_bytes()[:-7])
    assert cache.get("a") is None


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path, limit_bytes=2_500)
    for at, key in enumerate("ab"):
        cache.put(key, np.zeros(125))
        os.utime(tmp_path / f"{key}.npy", (at, at))
    assert cache.get("a") is not None
    cache.put("c", np.zeros(125))
    assert cache.get("b") is None
    assert cache.get("a") is not None
    cache.put("huge", np.zeros(10_000))
    assert cache.get("huge") is None


def test_keys_tell_shapes_types_and_sparse_parts_apart() -> None:
    dense = np.arange(6)
    keys = {
        content_key(dense),
        content_key(dense.reshape(2, 3)),
        content_key(dense.astype(np.int32)),
        content_key(csr_array(dense.reshape(2, 3))),
        content_key("ab", "c"),
        content_key("a", "bc"),
    }
    assert len(keys) == 6


def test_progress_is_told_from_the_first_fit_to_the_last() -> None:
    X, labels = rows()
    told: list[tuple[int, int]] = []
    out_of_sample_probabilities(
        X, labels, models=MODELS, progress=lambda done, of: told.append((done, of))
    )
    assert told == [(done, 5) for done in range(6)]


def test_chains_of_groups_become_one() -> None:
    groups = joined_groups(["a", "a", "b", "c", "d"], ["x", "y", "y", "z", "z"])
    assert groups.tolist() == [0, 0, 0, 1, 1]


def test_a_folder_that_cannot_be_written_costs_no_result(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    cache = FolderCache(tmp_path / "file" / "cache")
    cache.put("a", np.arange(3))
    assert cache.get("a") is None

    full = FolderCache(tmp_path / "full")

    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", no_space)
    full.put("a", np.arange(3))
    assert list((tmp_path / "full").iterdir()) == []
