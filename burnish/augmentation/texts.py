"""Variants of texts: letter case, one slip of the finger, one word less.

What belongs here: light noise that leaves a sentence its meaning. What does not: paraphrases,
which need a model.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from burnish.augmentation.columns import changed_cells, columns_of
from burnish.spec import Feature, FeatureKind


class _OnTexts:
    """Applies `change` to every text of a row."""

    kind: FeatureKind = "text"

    @abstractmethod
    def change(self, text: str, rng: np.random.Generator) -> str: ...

    def apply(
        self,
        rows: pa.Table,
        rng: np.random.Generator,
        *,
        features: Mapping[str, Feature],
        partners: pa.Table,  # noqa: ARG002  (a part of the protocol that texts do not need)
    ) -> pa.Table:
        for column in columns_of(rows, features, self.kind):
            rows = changed_cells(rows, column, lambda text: self.change(str(text), rng))
        return rows


@dataclass(frozen=True)
class TextCase(_OnTexts):
    """All small letters, all capitals, or a capital at each word: one that is new."""

    name: str = "text_case"

    def change(self, text: str, rng: np.random.Generator) -> str:
        ways = [way for way in (text.lower(), text.upper(), text.title()) if way != text]
        return ways[rng.integers(len(ways))] if ways else text


@dataclass(frozen=True)
class TextTypo(_OnTexts):
    """Swaps two neighbouring letters inside words: one pair for every `every` characters."""

    every: int = 40
    name: str = "text_typo"

    def change(self, text: str, rng: np.random.Generator) -> str:
        letters = list(text)
        for _ in range(max(1, len(text) // self.every)):
            # The first letter of a word is left alone: people rarely mistype it.
            places = [
                place
                for place in range(1, len(letters) - 1)
                if letters[place - 1].isalpha()
                and letters[place].isalpha()
                and letters[place + 1].isalpha()
                and letters[place] != letters[place + 1]
            ]
            if not places:
                break
            place = places[rng.integers(len(places))]
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
        return "".join(letters)


@dataclass(frozen=True)
class TextDropWord(_OnTexts):
    """Leaves out one word of a text that has at least `least` words."""

    least: int = 5
    name: str = "text_drop_word"

    def change(self, text: str, rng: np.random.Generator) -> str:
        words = text.split()
        if len(words) < self.least:
            return text
        del words[rng.integers(len(words))]
        return " ".join(words)
