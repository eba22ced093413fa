"""Dataset specs: one YAML a dataset, parsed and checked before anything runs.

What belongs here: the models, reading a spec with errors that name the line to mend, and a first
guess of a spec from a file. What does not: opening the data that a spec speaks of for the loop
(`burnish.workflows.ingest`).
"""

from burnish.spec.checking import with_choices
from burnish.spec.chosen import Chosen
from burnish.spec.guess import Guess, guess_from_file, guess_spec
from burnish.spec.models import (
    SPLITS,
    Annotations,
    Augment,
    DatasetSpec,
    Datasheet,
    ExtraExpectation,
    Feature,
    FeatureKind,
    Gates,
    Model,
    ModelCard,
    PromotionPolicy,
    Review,
    Schedule,
    Side,
    Simulation,
    Slice,
    Split,
)
from burnish.spec.part import Source
from burnish.spec.paths import resolve_paths
from burnish.spec.production import Arrivals, Playbook, Policy, Production, Rule, SqlSource
from burnish.spec.promises import Priority, Promises, WorkingHours
from burnish.spec.reading import load_catalog, load_spec, load_spec_named, load_usable

__all__ = [
    "SPLITS",
    "Annotations",
    "Arrivals",
    "Augment",
    "Chosen",
    "DatasetSpec",
    "Datasheet",
    "ExtraExpectation",
    "Feature",
    "FeatureKind",
    "Gates",
    "Guess",
    "Model",
    "ModelCard",
    "Playbook",
    "Policy",
    "Priority",
    "Production",
    "Promises",
    "PromotionPolicy",
    "Review",
    "Rule",
    "Schedule",
    "Side",
    "Simulation",
    "Slice",
    "Source",
    "Split",
    "SqlSource",
    "WorkingHours",
    "guess_from_file",
    "guess_spec",
    "load_catalog",
    "load_spec",
    "load_spec_named",
    "load_usable",
    "resolve_paths",
    "with_choices",
]
