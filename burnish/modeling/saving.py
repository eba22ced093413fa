"""A fitted model as bytes and back, by one rule of what such bytes may hold.

What belongs here: skops, and which types are trusted. What does not: where models are kept
(`burnish.workflows.iterate`), or what a tracker makes of them (`resources.tracking`).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from burnish.errors import DataError

TRUSTED_LIBRARIES: tuple[str, ...] = ("sklearn", "numpy", "scipy")


def dump_model(model: Any, *, trust: Sequence[str] = ()) -> bytes:
    """The model's bytes, held against the rule by which they will be read.

    `trust` and errors as `load_model`.
    """
    from skops import io

    model_bytes: bytes = io.dumps(model)
    load_model(model_bytes, trust=trust)
    return model_bytes


def load_model(model_bytes: bytes, *, trust: Sequence[str] = ()) -> Any:
    """The fitted pipeline in `model_bytes`, which may hold estimators and arrays alone.

    Trusted are the classes of scikit-learn, numpy and scipy, and those in `trust`, each by its
    exact dotted name. Functions never are. Raises `DataError` with the names of any other type or
    function, before anything of it is run.

    >>> from sklearn.dummy import DummyClassifier
    >>> load_model(dump_model(DummyClassifier(strategy="uniform"))).strategy
    'uniform'
    """
    from skops import io

    refused = untrusted_types(model_bytes, trust=trust)
    if refused:
        raise DataError(
            f"the model holds types that are not trusted: {', '.join(refused)}",
            expected="classes of " + ", ".join((*TRUSTED_LIBRARIES, *trust)),
            hint="name classes of your own (functions cannot be) in the spec, "
            f"`model: {{trust: [{', '.join(refused)}]}}`; train a model from elsewhere here again",
        )
    unknown = [str(name) for name in io.get_untrusted_types(data=model_bytes)]
    return io.loads(model_bytes, trusted=unknown)


def untrusted_types(model_bytes: bytes, *, trust: Sequence[str] = ()) -> list[str]:
    """Dotted names of what is in a model's bytes and not trusted, sorted; as `load_model`."""
    from skops import io

    unknown = [str(name) for name in io.get_untrusted_types(data=model_bytes)]
    return sorted(name for name in unknown if not _is_trusted(name, trust))


def _is_trusted(name: str, trust: Sequence[str]) -> bool:
    """Whether a dotted name is a class of a trusted library, or one that is trusted by name.

    A function is never trusted, not even theirs: numpy.load can run what a file tells it to.
    """
    library, _, _ = name.partition(".")
    if library not in TRUSTED_LIBRARIES and name not in trust:
        return False
    module, _, attribute = name.rpartition(".")
    try:
        return isinstance(getattr(import_module(module), attribute, None), type)
    except (ImportError, ValueError):
        return False
