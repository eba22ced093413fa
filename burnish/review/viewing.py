"""An example to look at, for whoever does not answer it now: in the review and in its history.

What belongs here: the labeling page's card without a lease and without an opinion. What does not:
the card of an item that is to be answered (`burnish.review.showing`).
"""

from __future__ import annotations

from burnish.report.looking import Looked
from burnish.review.label_context import Card
from burnish.review.ports import Examples
from burnish.review.showing import shots_of


def card_to_see(examples: Examples, dataset: str, example_id: str) -> Card:
    """The example as the labeling page shows it before an answer."""
    found = examples.look(dataset, example_id, by_label=False)
    looked = found or Looked()
    return Card(
        dataset=dataset,
        example_id=example_id,
        token="",
        until="",
        lasts=0,
        note="",
        pictures=shots_of(looked, dataset, example_id),
        drawings=looked.drawings,
        texts=looked.texts,
        values=looked.values,
        more=looked.more,
        gone=found is None,
        opinion=None,
    )
