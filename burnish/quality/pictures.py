"""Images that are nearly the same: another brightness, size, compression or crop.

What belongs here: when two images are near, and the groups that near pairs make. What does not:
models' views of images (`burnish.modeling.images`), or copies of other kinds
(`burnish.quality.near`).

Perceptual hashes propose pairs: 64 signs of low frequencies (pHash, Zauner 2010) and 64 of
differences between neighbouring pixels (dHash), in bands of 16. Each pair is then compared by its
thumbnails, since images of one class have like hashes. Crops are found since the hashes of fifteen
crops of each image are looked up as well.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from burnish.errors import DataError
from burnish.neighbours import nearest
from burnish.quality.duplicates import digests
from burnish.quality.near import BY_CHANCE, NEIGHBOURS, components, named

SIDE = 32
MOST_IMAGES = 20_000
"""With more, .6 GB of thumbnails would be held at once; copies are looked for no more."""
_BANDS = 8
# Entries of one band that are compared with each: crops of one image have like hashes.
_REACH = 48
# Shares of the sides that a crop keeps; in the middle and in each corner.
_KEPT = (0.92, 0.85, 0.78)
# Correlation .9 of thumbnails, as a distance; and a part of the distance to the 32nd neighbour.
_FARTHEST = float(np.sqrt(2 * (1 - 0.9)))
_NEAREST_SHARE = 0.5
_PAIRS = 2_000


def near_duplicate_images(images: Sequence[bytes | NDArray[Any]]) -> pa.Array:
    """Name of the group of each image, a string array of shape (n,): near copies, equal names.

    `images` are files (bytes of PNG, JPEG and what else Pillow reads) or arrays (height, width) or
    (height, width, 3). Two are near where thumbnails of 32 x 32 grey pixels, each with mean 0 and
    length 1, lie within `r` times their distance to the 32nd nearest image, and correlate by .9 at
    least. `r` is a half, or so much less that about one image in a thousand is as near by chance.
    So brightness, contrast, size and compression do not matter; of crops those are found that
    keep about 75 to 95 % of each side, and keep the middle or a corner. Turned and mirrored images
    are others. An image of one grey equals only its like.

    Raises `DataError` where an image cannot be read; its place is named.

    >>> rng = np.random.default_rng(0)
    >>> first, second = rng.integers(0, 200, (2, 40, 40))
    >>> names = near_duplicate_images([first, first + 30, second]).to_pylist()
    >>> names[0] == names[1], names[0] == names[2]
    (True, False)
    """
    greys = [_grey(image, place) for place, image in enumerate(images)]
    names = [_name(grey) for grey in greys]
    same = pa.array(names, pa.string()).dictionary_encode().indices.to_numpy().astype(np.intp)
    _, first = np.unique(same, return_index=True)
    if first.size < 2:
        return pa.array(names, pa.string())
    views = np.stack([_views(greys[place]) for place in first])
    left, right = _near(views.reshape(*views.shape[:2], -1), _candidates(views))
    return named(names, components(first.size, (left, right))[same])


def _grey(image: bytes | NDArray[Any], place: int) -> Any:
    from PIL import Image, UnidentifiedImageError

    if isinstance(image, bytes):
        try:
            with Image.open(io.BytesIO(image)) as opened:
                return opened.convert("L")
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
            raise DataError(f"image {place} cannot be read", expected="an image file") from error
    pixels = np.asarray(image, dtype=np.float64)
    if pixels.ndim == 3:
        pixels = pixels[..., :3].mean(axis=2)
    if pixels.ndim != 2 or not pixels.size or not np.isfinite(pixels).all():
        raise DataError(
            f"image {place} has shape {pixels.shape}, or numbers that are not finite",
            expected="(height, width) or (height, width, 3) finite numbers",
        )
    return Image.fromarray(pixels.astype(np.float32))


def _name(grey: Any) -> str:
    content = np.asarray(grey, dtype="<f4").tobytes() + repr(grey.size).encode()
    return digests(content, np.array([0, len(content)]))[0].hex()


def _views(grey: Any) -> NDArray[np.float16]:
    """Thumbnails (16, 32, 32) of mean 0 and length 1: of the whole image, then of its crops.

    Those of one grey are 0. In 16 bits, as there are many: 32 kB an image.
    """
    from PIL import Image

    width, height = grey.size
    boxes = [(0.0, 0.0, float(width), float(height)), *_crops(width, height)]
    small = [grey.resize((SIDE, SIDE), Image.Resampling.BOX, box=box) for box in boxes]
    views = np.stack([np.asarray(one, dtype=np.float32) for one in small])
    views -= views.mean(axis=(1, 2), keepdims=True)
    length = np.linalg.norm(views, axis=(1, 2), keepdims=True)
    even = np.zeros_like(views)
    return np.divide(views, length, out=even, where=length > 1e-6).astype(np.float16)


def _crops(width: int, height: int) -> Iterator[tuple[float, float, float, float]]:
    for kept in _KEPT:
        x, y = width * (1 - kept), height * (1 - kept)
        for left, top in ((x / 2, y / 2), (0.0, 0.0), (x, 0.0), (0.0, y), (x, y)):
            yield left, top, left + width * kept, top + height * kept


def _hashes(views: NDArray[np.float16]) -> NDArray[np.uint16]:
    """Bands of the hashes of thumbnails (m, 32, 32): (m, 8) numbers of 16 bits."""
    from scipy.fft import dctn

    pixels = views.astype(np.float32)
    low = dctn(pixels, axes=(1, 2), norm="ortho")[:, :8, :8].reshape(len(views), 64)
    middle = np.median(low[:, 1:], axis=1, keepdims=True)
    blocks = pixels.reshape(len(views), 8, 4, 8, 4).mean(axis=(2, 4))
    rising = np.roll(blocks, -1, axis=2) > blocks
    bits = np.hstack([low > middle, rising.reshape(len(views), 64)])
    return np.packbits(bits, axis=1).view(">u2").astype(np.uint16)


def _candidates(views: NDArray[np.float16]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs (whole image, image of which it may be a view) that share a band of their hashes."""
    n, kinds = views.shape[:2]
    bands = np.vstack([_hashes(views[:, kind]) for kind in range(kinds)])
    of, whole = np.tile(np.arange(n), kinds), np.repeat(np.arange(kinds) == 0, n)
    found: list[NDArray[np.intp]] = []
    for band in range(_BANDS):
        # Sorting a crowd by the next band brings those together which are most alike.
        order = np.lexsort((bands[:, (band + 1) % _BANDS], bands[:, band]))
        key, owner, base = bands[order, band], of[order], whole[order]
        for step in range(1, min(_REACH, order.size - 1) + 1):
            equal = key[step:] == key[:-step]
            equal &= (owner[step:] != owner[:-step]) & (base[step:] | base[:-step])
            at = np.flatnonzero(equal)
            one, other = owner[at], owner[at + step]
            found.append(np.minimum(one, other) * n + np.maximum(one, other))
    pairs = np.unique(np.concatenate(found))
    return pairs // n, pairs % n


def _near(
    standard: NDArray[np.float16], pairs: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    whole = standard[:, 0].astype(np.float32)
    around = nearest(whole.astype(np.float64), k=NEIGHBOURS)
    scale = around.distances[:, -1]
    limit = np.minimum(_FARTHEST, _share(around.distances, scale) * scale)
    left, right = pairs
    near = np.zeros(left.size, dtype=bool)
    for start in range(0, left.size, _PAIRS):
        part = slice(start, start + _PAIRS)
        one, other = left[part], right[part]
        likeness = np.maximum(
            _best(whole[one], standard[other]), _best(whole[other], standard[one])
        )
        distance = np.sqrt(np.maximum(2 - 2 * likeness, 0.0))
        near[part] = distance <= np.minimum(limit[one], limit[other])
    return left[near], right[near]


def _best(whole: NDArray[np.float32], views: NDArray[np.float16]) -> NDArray[np.float64]:
    return np.einsum("pd,pvd->pv", whole, views.astype(np.float32)).max(axis=1).astype(np.float64)


def _share(distances: NDArray[np.float64], scale: NDArray[np.float64]) -> float:
    """As in `burnish.quality.near_rows`: pairs beyond the limit tell how chance puts them."""
    if distances.shape[1] < NEIGHBOURS:
        return _NEAREST_SHARE
    part = np.divide(
        distances, scale[:, None], out=np.ones_like(distances), where=scale[:, None] > 0
    )
    middle = np.sqrt(_NEAREST_SHARE)
    inner = np.count_nonzero((part > _NEAREST_SHARE) & (part <= middle)) + 1.0
    outer = np.count_nonzero((part > middle) & (part < 1.0)) + 1.0
    growth = max(2.0, outer / inner)
    allowed = BY_CHANCE * scale.size * (growth - 1) / inner
    return _NEAREST_SHARE * min(1.0, allowed ** (np.log(1 / middle) / np.log(growth)))
