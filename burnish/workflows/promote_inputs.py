"""What the promotion gate is shown: the champion's predictions, the rows, the batch's gold items.

What belongs here: reading them off the record. What does not: the decision
(`burnish.workflows.promote`), or closing an iteration (`burnish.workflows.iterate`).
"""

from __future__ import annotations

import pyarrow as pa

from burnish.records import Iteration
from burnish.spec import DatasetSpec
from burnish.versions import Versions
from burnish.workflows.batch_quality import batch_gold
from burnish.workflows.gold import GoldReviews, known_answers
from burnish.workflows.promote import Promotion, decide_promotion
from burnish.workflows.promote_incumbent import keep_incumbent
from burnish.workflows.promote_recent import recently_met


def decide_for(
    spec: DatasetSpec, versions: Versions, iteration: Iteration, predictions: pa.Table
) -> Promotion:
    """Whether the model of an open iteration becomes champion, by the policy of the spec.

    It is held against the champion as the record has it now, whose kept model is asked about the
    validation rows that came since it was trained (`burnish.workflows.promote_incumbent`); against
    the baseline, while there is none. Where the spec says `promotion.recent`, the rows met lately
    alone are looked at (`burnish.workflows.promote_recent`). What it was held against is noted with
    the iteration.
    """
    champion = versions.champion(spec.name)
    curated = versions.let_through(
        spec.name, "curated_examples", int(iteration.summary["curated_version"])
    )
    incumbent, since, recent = versions.read_last_good(spec.name, "baseline"), 0, None
    if champion is not None:
        recent = recently_met(spec, versions)
        found = keep_incumbent(spec, versions, iteration, champion, curated)
        incumbent, since = found.predictions, found.since.get("validation", 0)
    return decide_promotion(
        predictions,
        incumbent,
        policy=spec.promotion,
        examples=curated,
        slices=spec.slices,
        gold=gold_of_batch(versions, iteration),
        against=None if champion is None else champion.number,
        since=since,
        recent=recent,
        group=spec.group,
    )


def promotion_record(iteration: Iteration, promotion: Promotion) -> pa.Table:
    """The decision as the table `champion`: a row a check, one row where none was made."""
    checks = promotion.to_table()
    rows = max(1, checks.num_rows)
    decision = {
        "iteration": pa.array([iteration.number] * rows, pa.int64()),
        "promoted": [promotion.promoted] * rows,
        "rule": [promotion.rule] * rows,
        "reason": [promotion.reason] * rows,
        "against": pa.array([promotion.against] * rows, pa.int64()),
    }
    made = {
        part.name: checks[part.name] if checks.num_rows else pa.nulls(1, part.type)
        for part in checks.schema
    }
    return pa.table({**decision, **made})


def gold_of_batch(versions: Versions, iteration: Iteration) -> GoldReviews:
    """What the reviewers of one batch said of its rows with a known answer, all together.

    What was taken back does not count, here as in the alarm of the batch.
    """
    answers = known_answers(versions, iteration.dataset)
    if not answers:
        return GoldReviews()
    # All events since: what takes a verdict of the batch back is itself none of the batch.
    events = versions.ledger.events(iteration.dataset, after=iteration.watermark.event_id)
    return batch_gold(events, answers, iteration.number).together
