import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from burnish.augmentation import builtin_augmenters, choose_augmenters
from burnish.augmentation.images import ImageContrast, ImageNoise, ImageRotate, ImageShift
from burnish.augmentation.sensors import SensorJitter, SensorScale, SensorShift
from burnish.augmentation.tabular import TabularInterpolate
from burnish.augmentation.texts import TextCase, TextDropWord, TextTypo
from burnish.errors import DataError, SpecError
from burnish.spec import Feature

IMAGE = {"image": Feature(kind="image", shape=(8, 8))}


def varied(augmenter, cell, features, *, partner=None, seed=0):
    (name,) = features
    rows = pa.table({name: [cell]})
    near = pa.table({name: [cell if partner is None else partner]})
    made = augmenter.apply(rows, np.random.default_rng(seed), features=features, partners=near)
    return made[name][0].as_py()


def blob():
    image = np.zeros((8, 8))
    image[3:5, 3:6] = 16.0
    return image


@pytest.mark.parametrize("seed", range(8))
def test_a_shift_moves_the_picture_by_one_pixel(seed):
    made = np.array(varied(ImageShift(), blob().ravel().tolist(), IMAGE, seed=seed)).reshape(8, 8)
    assert made.sum() == blob().sum()
    offset = np.argwhere(made > 0).mean(axis=0) - np.argwhere(blob() > 0).mean(axis=0)
    assert np.abs(offset).max() == 1


@pytest.mark.parametrize("augmenter", [ImageShift(), ImageRotate(), ImageContrast(), ImageNoise()])
def test_an_image_stays_inside_its_own_range_and_near_itself(augmenter):
    image = blob().ravel()
    made = np.array(varied(augmenter, image.tolist(), IMAGE))
    assert made.min() >= 0
    assert made.max() <= 16
    assert np.corrcoef(made, image)[0, 1] > 0.4


def test_bytes_come_back_as_a_picture_of_the_same_size():
    out = io.BytesIO()
    Image.fromarray(np.arange(63, dtype=np.uint8).reshape(9, 7)).save(out, format="PNG")
    made = varied(ImageContrast(), out.getvalue(), {"image": Feature(kind="image")})
    with Image.open(io.BytesIO(made)) as image:
        assert (image.size, image.mode, image.format) == ((7, 9), "L", "PNG")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ([0.0] * 63, "63 numbers, its shape is"),
        ([float("nan")] * 64, "NaN or inf"),
        (b"no picture", "cannot be read as an image"),
        ("a/path.png", "is str"),
    ],
)
def test_an_image_that_cannot_be_read_is_refused(cell, message):
    with pytest.raises(DataError, match=message):
        varied(ImageShift(), cell, IMAGE)


def test_a_number_moves_towards_its_partner_and_stays_nearer_to_its_own_row():
    age = {"age": Feature(kind="numeric")}
    for seed in range(20):
        made = varied(TabularInterpolate(), 10.0, age, partner=20.0, seed=seed)
        assert 11.0 <= made <= 15.0


def test_a_whole_number_stays_whole_and_one_without_a_partner_stays_itself():
    age = {"age": Feature(kind="numeric")}
    assert isinstance(varied(TabularInterpolate(), 10, age, partner=100), int)
    assert varied(TabularInterpolate(), 10.0, age, partner=float("nan")) == 10.0


NOTE = {"note": Feature(kind="text")}
SENTENCE = "The parcel arrived two days late and the box was open"


@pytest.mark.parametrize("seed", range(5))
def test_light_noise_on_text_changes_what_it_says_it_changes(seed):
    case = varied(TextCase(), SENTENCE, NOTE, seed=seed)
    assert case != SENTENCE
    assert case.lower() == SENTENCE.lower()
    typo = varied(TextTypo(), SENTENCE, NOTE, seed=seed)
    assert typo != SENTENCE
    assert sorted(typo) == sorted(SENTENCE)
    assert len(varied(TextDropWord(), SENTENCE, NOTE, seed=seed).split()) == 10


def test_a_text_too_short_to_lose_a_word_or_swap_letters_is_left_alone():
    assert varied(TextDropWord(), "very late", NOTE) == "very late"
    assert varied(TextTypo(), "ok", NOTE) == "ok"
    assert varied(TextCase(), "1234", NOTE) == "1234"


def test_a_window_is_jittered_by_a_share_of_its_own_spread():
    signal = np.sin(np.arange(200) / 5) * 100
    made = np.array(varied(SensorJitter(), signal.tolist(), {"s": Feature(kind="sensor")}))
    assert 2 < (made - signal).std() / signal.std() * 100 < 8


def test_a_window_is_scaled_about_its_mean():
    signal = np.sin(np.arange(200) / 5) + 50
    made = np.array(varied(SensorScale(), signal.tolist(), {"s": Feature(kind="sensor")}))
    assert made.mean() == pytest.approx(signal.mean())
    assert 0.9 <= made.std() / signal.std() <= 1.1


def test_a_window_is_shifted_in_time():
    signal = np.arange(50.0)
    made = np.array(varied(SensorShift(), signal.tolist(), {"s": Feature(kind="sensor")}))
    step = made[25] - 25
    assert 1 <= abs(step) <= 5
    np.testing.assert_array_equal(made, np.clip(signal + step, 0, 49))


def test_a_window_of_the_wrong_length_is_refused():
    with pytest.raises(DataError, match="its shape is"):
        varied(SensorJitter(), [1.0] * 7, {"s": Feature(kind="sensor", shape=(4, 2))})


def test_methods_default_to_those_for_the_kinds_of_the_spec():
    chosen = choose_augmenters(builtin_augmenters(), (), NOTE)
    assert [one.name for one in chosen] == ["text_case", "text_typo", "text_drop_word"]


def test_a_method_can_be_named_and_an_unknown_one_is_answered_with_the_nearest():
    (chosen,) = choose_augmenters(builtin_augmenters(), ["text_typo", "text_typo"], NOTE)
    assert chosen.name == "text_typo"
    with pytest.raises(SpecError, match="did you mean 'text_typo'"):
        choose_augmenters(builtin_augmenters(), ["text_tipo"], NOTE)


def test_a_method_for_a_kind_that_the_spec_has_not_is_refused():
    with pytest.raises(SpecError, match="changes image features"):
        choose_augmenters(builtin_augmenters(), ["image_shift"], NOTE)
