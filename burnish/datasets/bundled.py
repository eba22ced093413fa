"""Bundled data sets by name, without their truth.

What belongs here: the front door of `burnish.datasets`. What does not: how a set is made
(`burnish.datasets.digits`), nor its truth (`burnish.datasets.truth`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from burnish.datasets.registry import build, build_stream


@dataclass(frozen=True)
class Bundled:
    """A bundled data set as its collectors would hand it over.

    `annotations` has a row an answer: example_id, annotator_id, label, time. `unlabeled` has the
    columns of `examples` without label and split; None where no rows were withheld. `production`
    is what a model of it meets once it serves, `production_labels` the labels of some of those rows
    that come in later (example_id, label, told); both are made when they are asked for, and None
    where a set has no such stream.
    """

    name: str
    examples: pa.Table
    annotations: pa.Table | None
    unlabeled: pa.Table | None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def production(self) -> pa.Table | None:
        stream = build_stream(self.name, self.options)
        return None if stream is None else stream.rows

    @property
    def production_labels(self) -> pa.Table | None:
        stream = build_stream(self.name, self.options)
        return None if stream is None else stream.labels


def load_bundled(name: str, **options: Any) -> Bundled:
    """The bundled data set `name`; equal options give equal tables, byte for byte.

    "digits": 1,797 real 8x8 images of handwritten digits. Simulated are three scanners (`source`,
    a third of the images each; scanC really is blurred, noisy and pale), and five annotators.
    Columns: example_id, label, image (64 numbers from 0 to 16, row by row), source, ink (mean of
    the image), split (train, validation, test: 60, 20, 20 %, stratified). A training row has the
    label of one annotator, a validation or test row the majority of all five. Options:

    - `noise` (0.2): share of training rows whose label is wrong, exact up to rounding, 0 to 0.6;
    - `seed` (0): of scanners, splits and annotators;
    - `unlabeled` (0): how many training rows are withheld, without answers, at most half.

    Its `production` are 60 scans a day from 2025-02-03 to 2025-03-02 (`met`): simulated, training
    images written again. From 2025-02-17 on scanC sees half of them through a dirty glass. Half of
    the rows get the majority label of the five annotators two days later.

    "parcels": a synthetic table with slices of several hundred rows, for what digits are too few
    for. How a parcel is handled (belt 40 %, freight 30, hand 30) by weight_kg, length_cm,
    girth_cm, value_eur, distance_km, hour, carrier (bike, truck, van) and depot (five, a fifth of
    the rows each); split as above, not stratified. Validation and test labels are right. Options:

    - `rows` (4000): 500 to 100,000;
    - `noise` (0.1): share of training rows whose label is wrong, exact up to rounding, 0 to 0.6,
      to each other class as often;
    - `seed` (0): of everything.

    Raises `DataError` for an unknown name or option.

    >>> digits = load_bundled("digits", noise=0.1)
    >>> digits.examples.num_rows, digits.examples.column_names[:3]
    (1797, ['example_id', 'label', 'image'])
    """
    made = build(name, options)
    return Bundled(name, made.examples, made.annotations, made.unlabeled, options)
