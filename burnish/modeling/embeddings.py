"""Texts as vectors of meaning, by a small static embedding where one is installed.

What belongs here: the embedding that ships in a wheel (the extra `text`), offline. What does not:
vectors of a user's own, which are a feature like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def embedding_installed() -> bool:
    """Whether the extra `text` is there."""
    return find_spec("wordllama") is not None


def embed_texts(texts: Sequence[str]) -> NDArray[np.float64]:
    """Unit vectors (n, 256), the mean of static token vectors (wordllama, MIT licence).

    Nothing is fetched: weights and tokenizer lie in the wheel. A text without a token is the zero
    vector. Needs the extra `text`.
    """
    vectors = np.asarray(_model().embed(list(texts), norm=False), dtype=np.float64)
    vectors = np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)


@lru_cache(maxsize=1)
def _model() -> Any:
    import wordllama

    # As a cache, the folder of the package is where its own files are found; its search for them
    # looks in a folder of another name and would go on to a download.
    folder = Path(str(wordllama.__file__)).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
