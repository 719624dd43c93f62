"""A function of the user's own: one contract, the same calibration, and plain words if broken."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest

import changedet as cd
from changedet.config import Config
from changedet.differencing import Sample, fit_detection, get_method, sample_windows
from changedet.differencing.detectors import custom
from changedet.differencing.detectors.registry import describe_source
from changedet.errors import MethodError, NotEnoughValidPixels, UnknownMethodError

from .builders import MemoryPair, noisy_pair, smooth_field

SHAPE = (300, 340)


def distance(before, after, valid):
    """A score without neighbourhood."""
    return np.sqrt(((after - before) ** 2).sum(axis=0))


def blurred(before, after, valid):
    """A score of 5 x 5 pixels."""
    total = np.zeros(valid.shape, dtype=np.float32)
    score = np.pad(distance(before, after, valid), 2, mode="edge")
    for i in range(5):
        for j in range(5):
            total += score[i : i + valid.shape[0], j : j + valid.shape[1]]
    return total


blurred.halo = 2
blurred.name = "blurred distance"


def planted(seed=1, **more):
    pair = noisy_pair(seed, 3, SHAPE, noise=2.0)
    before, after = (p.copy() for p in pair.pixels)
    changed = np.zeros(SHAPE, dtype=bool)
    changed[100:140, 200:280] = True
    after[:, changed] += 25
    return MemoryPair(before, after, **more), changed


def fit(function, pair=None):
    pair = pair or planted()[0]
    return get_method(function).fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())


@pytest.mark.parametrize("function", [distance, blurred])
def test_planted_change_is_found_and_the_rest_is_calibrated(function):
    pair, changed = planted()
    detection = fit_detection(pair, pair.context(), Config(method=function))
    score = detection.score(pair, pair.grid.window)
    inside = np.zeros(SHAPE, dtype=bool)
    inside[104:136, 204:276] = True
    away = ~changed
    away[95:145, 195:285] = False
    assert np.mean(score[inside] >= detection.threshold.seed) > 0.95
    for nominal in (1e-1, 1e-2):
        assert nominal / 2 < np.mean(score[away] >= -np.log10(nominal)) < 2 * nominal
    described = json.loads(json.dumps(detection.describe()))
    assert described["method"] == getattr(function, "name", f"{__name__}:distance")
    assert described["halo_px"] == getattr(function, "halo", 0)
    assert described["function"] == f"{__name__}:{function.__name__}"
    assert described["file"] == __file__


@pytest.mark.parametrize("function", [distance, blurred])
def test_no_bit_depends_on_the_tiles(function):
    valid = smooth_field(np.random.default_rng(1), SHAPE, 3.0) > -1.2
    pair, _ = planted(valid=valid, garbage=1e6)
    detection = fit_detection(pair, pair.context(), Config(method=function))
    out = []
    for size in (97, 256, 340):
        score = np.full(SHAPE, -1, dtype=np.float32)
        for window in pair.grid.tiles(size):
            score[window.slices] = detection.score(pair, window)
        out.append(score)
    np.testing.assert_array_equal(out[0], out[1])
    np.testing.assert_array_equal(out[0], out[2])
    np.testing.assert_array_equal(np.isnan(out[0]), ~valid)


def test_what_stands_in_invalid_pixels_is_not_seen():
    valid = smooth_field(np.random.default_rng(1), SHAPE, 3.0) > -1.2
    one, other = (fit(blurred, planted(valid=valid, garbage=g)[0]) for g in (0.0, 1e6))
    assert one.describe() == other.describe()


def test_the_scale_keeps_the_order_and_does_not_depend_on_units():
    scores = []
    for gain, offset in ((1, 0), (1e-4, -7)):
        fitted = fit(lambda b, a, v, g=gain, o=offset: g * distance(b, a, v) + o)
        pair = planted()[0]
        padded = pair.grid.window.pad(fitted.halo)
        scores.append(fitted.statistic(pair.read(padded))[pair.grid.window.within(padded)])
    np.testing.assert_allclose(scores[1], scores[0], rtol=0.02, atol=0.02)
    order = np.argsort(distance(*pair.pixels, pair.valid), axis=None)
    assert (np.diff(scores[0].ravel()[order]) >= 0).all()


def test_it_may_say_nothing_where_it_cannot_tell():
    def partly(before, after, valid):
        score = distance(before, after, valid)
        score[before[0] < 90] = np.nan
        return score

    pair, _ = planted()
    detection = fit_detection(pair, pair.context(), Config(method=partly))
    np.testing.assert_array_equal(
        np.isnan(detection.score(pair, pair.grid.window)), pair.pixels[0][0] < 90
    )


def test_it_may_write_into_what_it_is_given():
    def destroys(before, after, valid):
        score = distance(before, after, valid)
        before[:], after[:], valid[:] = 0, 0, False
        return score

    pair, _ = planted()
    copies = [p.copy() for p in pair.pixels]
    one, other = fit(destroys, pair), fit(distance, pair)
    assert (one.centre, one.spread) == (other.centre, other.spread)
    for image, copy in zip(pair.pixels, copies, strict=True):
        np.testing.assert_array_equal(image, copy)


def raises(before, after, valid):
    raise ZeroDivisionError("no luck")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda b, a, v: b, r"returned an array of shape \(3, 256, 256\) for images of 256 x 256"),
        (lambda b, a, v: 1.0, r"returned float for images of"),
        (lambda b, a, v: None, r"returned NoneType for images of"),
        (lambda b, a, v: distance(b, a, v) + 1j, "array of type complex64: it must return real"),
        (lambda b, a, v: distance(b, a, v) + np.inf, "returned infinite values"),
        (lambda b, a, v: distance(b, a, v) * np.nan, "returned NaN at every valid pixel"),
        (raises, "test_custom:raises failed with ZeroDivisionError: no luck .*before and after "),
        (lambda b, a: b, "failed with TypeError"),
    ],
)
def test_a_broken_contract_is_said_with_the_name(function, message):
    with pytest.raises(MethodError, match=message) as caught:
        fit(function)
    assert "test_custom" in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [
        functools.partial(blurred),
        lambda b, a, v: distance(b, a, v) / distance(b, a, v).max(),
        lambda b, a, v: distance(b, a, v) - np.median(distance(b, a, v)),
    ],
    ids=["too small a halo", "scaled by the array", "less a statistic of the array"],
)
def test_a_score_that_looks_further_than_it_says_is_refused(function):
    with pytest.raises(MethodError, match=r"set its attribute halo \(now 0\)"):
        fit(function)


@pytest.mark.parametrize("halo", [-1, 1.5, True, 513, "2"])
def test_a_halo_that_makes_no_sense_is_refused(halo):
    def function(before, after, valid):
        return distance(before, after, valid)

    function.halo = halo
    with pytest.raises(MethodError, match="whole number of pixels, 0 to 512"):
        get_method(function)


def test_a_name_that_is_no_text_is_refused():
    function = functools.partial(distance)
    function.name = 3
    with pytest.raises(MethodError, match="has name=3: give a text"):
        get_method(function)


def test_images_without_change_at_all_are_no_change():
    pair = planted()[0]
    same = MemoryPair(pair.pixels[0], pair.pixels[0])
    detection = fit_detection(same, same.context(), Config(method=distance))
    score = detection.score(same, same.grid.window)
    assert np.isfinite(score).all()
    assert not (score >= detection.threshold.seed).any()


def test_too_few_valid_pixels_are_refused():
    pair = noisy_pair(1, 3, (30, 30))
    with pytest.raises(NotEnoughValidPixels, match="Only 900 pixels"):
        fit(distance, pair)


class TestByName:
    CODE = (
        "from dataclasses import dataclass\n"
        "import changedet as cd\n"
        "@dataclass\n"
        "class Scaled:\n"
        "    gain: float\n"
        "    def __call__(self, before, after, valid):\n"
        "        return self.gain * abs(after - before).sum(axis=0)\n"
        "scaled = Scaled(2.0)\n"
        "def fit(sample, context):\n"
        "    from changedet.differencing import get_method\n"
        "    return get_method('change-vector').fit(sample, context)\n"
        "method = cd.Method(fit)\n"
        "number = 3\n"
    )

    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "mine.py"
        path.write_text(self.CODE, encoding="utf-8")
        return path

    def test_a_file(self, file):
        fitted = fit(f"{file}:scaled")
        assert fitted.describe()["file"] == str(file)
        assert fitted.spread > 0
        assert fit(f"{file}:method").name == "change-vector"

    def test_a_module(self, file, monkeypatch):
        monkeypatch.syspath_prepend(str(file.parent))
        assert fit("mine:scaled").spread > 0

    def test_the_source_is_described_with_its_hash(self, file):
        described = describe_source(f"{file}:scaled")
        assert described["function"] == f"{file}:scaled"
        assert len(described["sha256"]) == 64
        file.write_text(self.CODE + "# edited\n", encoding="utf-8")
        assert describe_source(f"{file}:scaled")["sha256"] != described["sha256"]
        assert describe_source("auto") is None
        assert describe_source("ir-mad") is None
        assert describe_source(eval("lambda b, a, v: b[0]"))["file"] is None

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("{file}:missing", "holds no 'missing'"),
            ("{file}x.py:scaled", "there is no file"),
            ("no_such_package.module:scaled", "there is no module 'no_such_package.module'"),
            ("changedet.differencing:nothing", "holds no 'nothing'"),
            ("{file}:number", "is no detector: give a function"),
            ("cva", "choose auto or one of ir-mad, .* path/to/file.py:function"),
            ("missing.onnx", "there is no such file"),
        ],
    )
    def test_what_is_not_there_is_refused(self, file, name, message):
        with pytest.raises(UnknownMethodError, match=message):
            get_method(name.format(file=file))

    def test_code_that_fails_is_named(self, tmp_path):
        (tmp_path / "bad.py").write_text("import no_such_package", encoding="utf-8")
        with pytest.raises(MethodError, match="cannot be imported: No module named 'no_such_pack"):
            custom.load(f"{tmp_path / 'bad.py'}:x")
        (tmp_path / "worse.py").write_text("1 / 0", encoding="utf-8")
        with pytest.raises(MethodError, match="ZeroDivisionError: division by zero"):
            custom.load(f"{tmp_path / 'worse.py'}:x")


def test_a_method_is_taken_as_it_is():
    method = cd.Method(get_method("change-vector").fit)
    assert get_method(method) is method
    assert fit(method).name == "change-vector"
