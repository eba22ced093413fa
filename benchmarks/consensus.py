"""Consensus of several annotators beside crowd-kit and cleanlab, in one run.

1. Accuracy on sets of real answers with gold: what `fit_consensus` chooses from the answers alone,
   against every peer, with the paired standard error of the difference to the best of them.
2. With a model's out-of-sample probabilities, where a set has features: against CROWDLAB.
3. Annotators called spammers, held against gold; intervals of reliability, too.
4. Seconds of the processor for 100,000 examples with 5 answers by 1,000 annotators, 10 classes.

    BURNISH_DATA=/path/to/data python benchmarks/consensus.py [accuracy] [model] [judged] [speed]

The gold is opened by the scorer alone. Without an argument all four parts run; GLAD alone takes a
minute on the larger sets, CROWDLAB another on the last part.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from paired import table

from burnish.consensus import Consensus, fit_consensus

ROUNDS = 10
IDS = ["example_id", "annotator_id", "label"]


@dataclass(frozen=True)
class Crowd:
    """A set of answers (as `fit_consensus` reads them) and its gold, which only scorers open."""

    name: str
    answers: pd.DataFrame
    gold: pd.Series

    def right(self, labels: pd.Series) -> np.ndarray:
        """Whether the label of each example is its gold one, in one order for all methods."""
        return (labels.reindex(self.gold.index) == self.gold).to_numpy()


def crowds() -> list[Crowd]:
    folder = Path(os.environ["BURNISH_DATA"])
    files = [p for p in sorted((folder / "crowd_sets").glob("*.csv")) if "text" not in p.name]
    music = pd.read_csv(folder / "music_genre_crowd" / "answers.csv", dtype=str)
    read = [(p.stem, pd.read_csv(p, dtype=str, keep_default_na=False)) for p in files]
    return [_crowd(name, rows) for name, rows in [*read, ("music", music)]]


def _crowd(name: str, rows: pd.DataFrame) -> Crowd:
    names = {"task": "example_id", "song": "example_id", "worker": "annotator_id"}
    rows = rows.rename(columns=names).drop_duplicates(["example_id", "annotator_id"])
    gold = rows.drop_duplicates("example_id").set_index("example_id")["gold"]
    return Crowd(name, rows[IDS].reset_index(drop=True), gold.sort_index())


def ours(answers: pd.DataFrame, **choices: object) -> tuple[Consensus, pd.Series]:
    found = fit_consensus(answers, **choices)
    return found, pd.Series(found.labels, index=list(found.example_ids))


def peers(K: int) -> dict[str, Callable[[pd.DataFrame], pd.Series]]:
    from crowdkit import aggregation as kit

    def by_skills(method: type) -> Callable[[pd.DataFrame], pd.Series]:
        # `predict` of these two fails under scikit-learn 1.9; it does what stands here.
        def fit(rows: pd.DataFrame) -> pd.Series:
            return kit.MajorityVote().fit_predict(rows, skills=method().fit(rows).skills_)

        return fit

    found: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
        "MajorityVote": lambda rows: kit.MajorityVote().fit_predict(rows),
        "DawidSkene": lambda rows: kit.DawidSkene(n_iter=100).fit_predict(rows),
        "OneCoinDawidSkene": lambda rows: kit.OneCoinDawidSkene(n_iter=100).fit_predict(rows),
        "GLAD": lambda rows: kit.GLAD().fit_predict(rows),
        "MACE": lambda rows: kit.MACE(random_state=0).fit_predict(rows),
        "Wawa": by_skills(kit.Wawa),
        "ZeroBasedSkill": by_skills(kit.ZeroBasedSkill),
        "MMSR": lambda rows: kit.MMSR(random_state=0).fit_predict(rows),
        "cleanlab majority": cleanlab_majority,
    }
    if K == 2:
        found["KOS"] = lambda rows: kit.KOS(random_state=0).fit_predict(rows)
    return found


def wide(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """One row an example (sorted), one column an annotator, class numbers: what cleanlab reads."""
    classes = sorted(rows["label"].unique())
    coded = rows.assign(label=rows["label"].map({name: k for k, name in enumerate(classes)}))
    return coded.pivot(index=rows.columns[0], columns=rows.columns[1], values="label"), classes


def cleanlab_majority(rows: pd.DataFrame) -> pd.Series:
    from cleanlab.multiannotator import get_majority_vote_label

    frame, classes = wide(rows)
    labels = get_majority_vote_label(frame.reset_index(drop=True), verbose=False)
    return pd.Series(np.array(classes)[labels], index=frame.index)


def crowdlab(rows: pd.DataFrame, probs: np.ndarray, **choices: object) -> pd.Series:
    from cleanlab.multiannotator import get_label_quality_multiannotator

    frame, classes = wide(rows)
    found = get_label_quality_multiannotator(
        frame.reset_index(drop=True), probs, verbose=False, return_detailed_quality=False,
        return_annotator_stats=False, **choices,
    )  # fmt: skip
    labels = found["label_quality"]["consensus_label"].to_numpy()
    return pd.Series(np.array(classes)[labels], index=frame.index)


def difference(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Mean of a - b in accuracy, and its paired standard error."""
    each = a.astype(float) - b.astype(float)
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(each.size))


def verdict(mine: np.ndarray, best: np.ndarray) -> list[str]:
    gap, error = difference(mine, best)
    return [f"{gap:+.4f}", f"{max(0.005, error):.4f}", "yes" if gap >= -max(0.005, error) else "NO"]


def tried(crowd: Crowd, kit: pd.DataFrame, K: int) -> tuple[dict[str, np.ndarray], list[str]]:
    """Hits of every peer that gives labels, and the names of those that raise."""
    right, failed = {}, []
    for name, fit in peers(K).items():
        try:
            right[name] = crowd.right(fit(kit))
        except ValueError:
            failed.append(name)
        print(f"  {crowd.name}: {name}", file=sys.stderr, flush=True)
    return right, failed


def accuracy() -> None:
    rows, means, singles = [], {}, {}
    for crowd in crowds():
        found, labels = ours(crowd.answers)
        mine = crowd.right(labels)
        kit = crowd.answers.set_axis(["task", "worker", "label"], axis=1)
        right, failed = tried(crowd, kit, len(found.classes))
        best = max(right, key=lambda name: right[name].mean())
        rows.append([crowd.name, found.method, f"{mine.mean():.4f}",
                     f"{best} {right[best].mean():.4f}", *verdict(mine, right[best]),
                     ", ".join(failed)])  # fmt: skip
        print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
        means.setdefault("ours, as chosen", []).append(mine.mean())
        for name, hits in right.items():
            means.setdefault(name, []).append(hits.mean())
        for name in ("majority", "reliability", "dawid_skene"):
            hits = crowd.right(ours(crowd.answers, method=name)[1])
            singles.setdefault(f"ours, always {name}", []).append(hits.mean())
    heads = [
        "set",
        "chosen",
        "accuracy",
        "best peer",
        "difference",
        "allowed",
        "held",
        "peers that failed",
    ]
    print("## Accuracy, from the answers alone\n\n" + table(heads, rows) + "\n")
    full = {
        name: values for name, values in {**means, **singles}.items() if len(values) == len(rows)
    }
    order = sorted(full, key=lambda name: -float(np.mean(full[name])))
    print(table([f"mean over {len(rows)} sets", "accuracy"],
                [[name, f"{np.mean(full[name]):.4f}"] for name in order]) + "\n")  # fmt: skip


def features(crowd: Crowd) -> pd.DataFrame:
    """Numbers about each example, by its id: audio features, or how far two sentences overlap."""
    folder = Path(os.environ["BURNISH_DATA"])
    if crowd.name == "music":
        songs = pd.read_csv(folder / "music_genre_crowd" / "songs_train.csv").set_index("id")
        return songs[[name for name in songs if name.startswith("feature")]]
    pairs = pd.read_csv(folder / "crowd_sets" / "snow_rte_text.csv", dtype=str).set_index("id")
    words = [(set(a.lower().split()), set(b.lower().split()))
             for a, b in zip(pairs["text"], pairs["hypothesis"], strict=True)]  # fmt: skip
    numbers = [[len(a & b) / len(b), len(b), len(a), len(b - a)] for a, b in words]
    return pd.DataFrame(numbers, index=pairs.index)


def out_of_fold(crowd: Crowd, labels: pd.Series) -> np.ndarray:
    """Probabilities of one linear model, trained on majority labels, for the sorted examples."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    X = features(crowd).loc[labels.index].to_numpy()
    return cross_val_predict(model, X, labels.tolist(), cv=folds, method="predict_proba")


def with_model() -> None:
    rows = []
    for crowd in (c for c in crowds() if c.name in {"music", "snow_rte"}):
        probs = out_of_fold(crowd, ours(crowd.answers, method="majority")[1].sort_index())
        found, labels = ours(crowd.answers, pred_probs=probs)
        mine = crowd.right(labels)
        theirs = {
            f"{consensus} / {quality}": crowd.right(
                crowdlab(crowd.answers, probs, consensus_method=consensus, quality_method=quality)
            )
            for consensus in ("best_quality", "majority_vote")
            for quality in ("crowdlab", "agreement")
        }
        for name, hits in theirs.items():
            cells = [crowd.name, found.method, f"{mine.mean():.4f}", f"{name} {hits.mean():.4f}"]
            rows.append([*cells, *verdict(mine, hits)])
    heads = ["set", "chosen", "accuracy", "cleanlab: consensus / quality", "difference", "allowed",
             "held"]  # fmt: skip
    print("## With a model's out-of-sample probabilities\n\n" + table(heads, rows) + "\n")


def judged() -> None:
    rows, kappas, inside, total = [], [], 0, 0
    for crowd in crowds():
        found, _ = ours(crowd.answers)
        truth = crowd.answers["example_id"].map(crowd.gold)
        by_name = dict(list(crowd.answers.assign(gold=truth).groupby("annotator_id")))
        table_ = found.annotators.to_pandas()
        spam = [
            kappa(by_name[name]) for name in table_["annotator_id"][table_["kind"] == "spammer"]
        ]
        kappas += spam
        many = table_[table_["n_compared"] >= 20]
        share = [(by_name[name]["label"] == by_name[name]["gold"]).mean()
                 for name in many["annotator_id"]]  # fmt: skip
        held = int(((many["low"] <= share) & (share <= many["high"])).sum())
        inside, total = inside + held, total + len(many)
        counts = table_["kind"].value_counts()
        rows.append([crowd.name, *[str(counts.get(k, 0)) for k in
                                   ("ok", "few answers", "spammer", "adversary")],
                     f"{max(spam):.2f}" if spam else "", f"{held} of {len(many)}"])  # fmt: skip
    heads = ["set", "ok", "few answers", "spammer", "adversary", "spammers' highest kappa",
             "interval holds accuracy on gold"]  # fmt: skip
    print("## Annotators, held against gold\n\n" + table(heads, rows))
    print(f"\n{len(kappas)} spammers, mean kappa with gold {np.mean(kappas):.3f}; intervals hold "
          f"{inside} of {total}\n")  # fmt: skip


def kappa(rows: pd.DataFrame) -> float:
    chance = sum(
        (rows["gold"] == k).mean() * (rows["label"] == k).mean() for k in set(rows["gold"])
    )
    return float(((rows["gold"] == rows["label"]).mean() - chance) / (1 - chance))


def made(
    N: int = 100_000, per: int = 5, A: int = 1_000, K: int = 10
) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    truth, skill = rng.integers(K, size=N), rng.uniform(0.4, 0.95, A)
    example = np.repeat(np.arange(N), per)
    annotator = (np.repeat(rng.integers(A, size=N), per) + np.tile(np.arange(per) * 199, N)) % A
    right = rng.random(N * per) < skill[annotator]
    label = np.where(right, truth[example], (truth[example] + rng.integers(1, K, N * per)) % K)
    probs = rng.dirichlet(np.ones(K), size=N)
    probs[np.arange(N), truth] += 1
    rows = pd.DataFrame(dict(zip(IDS, (example, annotator, label), strict=True)))
    return rows, probs / probs.sum(axis=1, keepdims=True)


def clocked(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def speed() -> None:
    from cleanlab.multiannotator import get_label_quality_multiannotator
    from crowdkit.aggregation import DawidSkene

    from burnish.consensus.answers import read_answers
    from burnish.consensus.tables import dawid_skene

    rows, probs = made()
    kit = rows.set_axis(["task", "worker", "label"], axis=1)
    rounds = lambda: dawid_skene(read_answers(rows), rounds=ROUNDS, tolerance=0.0)  # noqa: E731
    doors = {
        f"Dawid-Skene, table to labels, {ROUNDS} rounds": rounds,
        "fit_consensus(method='reliability+model')": lambda: fit_consensus(
            rows, pred_probs=probs, method="reliability+model"
        ),
        "fit_consensus()": lambda: fit_consensus(rows),
    }
    cold = clocked(rounds)
    theirs = lambda: DawidSkene(n_iter=ROUNDS, tol=0).fit(kit)  # noqa: E731
    pairs = [(clocked(rounds), clocked(theirs)) for _ in range(5)]
    seconds = {name: np.median([clocked(work) for _ in range(5)]) for name, work in doors.items()}
    frame, _ = wide(rows)
    frame = frame.reset_index(drop=True)
    lab = clocked(lambda: get_label_quality_multiannotator(frame, probs, verbose=False))
    kit_seconds = float(np.median([b for _, b in pairs]))
    ratios = sorted(b / a for a, b in pairs)
    first, second, third = seconds
    lines = [
        [first, f"{seconds[first]:.3f}", f"crowd-kit DawidSkene {kit_seconds:.2f}",
         f"{np.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"],
        [second, f"{seconds[second]:.3f}", f"cleanlab CROWDLAB {lab:.1f}",
         f"{lab / seconds[second]:.0f}"],
        [third, f"{seconds[third]:.3f}", "", ""],
        ["the first of these in a new process (numba's start)", f"{cold:.2f}", "", ""],
    ]  # fmt: skip
    print("## Processor seconds, 100,000 x 5 answers, 1,000 annotators, 10 classes\n")
    print(table(["work", "ours", "peer", "times as fast"], lines))


def main() -> None:
    warnings.filterwarnings("ignore")
    parts = {"accuracy": accuracy, "model": with_model, "judged": judged, "speed": speed}
    for name in sys.argv[1:] or parts:
        parts[name]()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
