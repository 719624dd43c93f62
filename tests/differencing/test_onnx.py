"""A network as a detector, tried with tiny ones that are made here."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from changedet.config import Config
from changedet.differencing import Sample, fit_detection, get_method, sample_windows
from changedet.differencing.detectors.onnx import open_network
from changedet.differencing.detectors.registry import describe_source
from changedet.errors import CalibrationWarning, MethodError, MissingDependencyError

from .builders import MemoryPair, noisy_pair, smooth_field

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SHAPE = (300, 340)
BANDS = 3


def tensor(name, shape, kind=None):
    return onnx.helper.make_tensor_value_info(name, kind or onnx.TensorProto.FLOAT, shape)


def make(path, *, joined=False, size=("h", "w"), bands=BANDS, kernel=3, out="score", meta=None,
         batch="n", kind=None, extra=()):  # fmt: skip
    """A network: the sum over bands of the absolute difference, averaged over a square."""
    node, constant = onnx.helper.make_node, onnx.numpy_helper.from_array
    count = bands if isinstance(bands, int) else BANDS
    weights = [constant(np.full((1, count, kernel, kernel), 1 / kernel**2, np.float32), "w")]
    nodes = []
    if joined:
        whole = 2 * bands if isinstance(bands, int) else bands
        inputs = [tensor("both", [batch, whole, *size], kind)]
        weights.append(constant(np.array([count, count]), "parts"))
        nodes.append(node("Split", ["both", "parts"], ["before", "after"], axis=1))
    else:
        inputs = [tensor(n, [batch, bands, *size], kind) for n in ("before", "after")]
    pad = kernel // 2
    nodes += [
        node("Sub", ["after", "before"], ["difference"]),
        node("Abs", ["difference"], ["exact"]),
        node("Cast", ["exact"], ["distance"], to=onnx.TensorProto.FLOAT),
        node("Conv", ["distance", "w"], ["score"], pads=[pad] * 4),
    ]
    if out == "squeezed":
        weights.append(constant(np.array([1]), "axis"))
        nodes.append(node("Squeeze", ["score", "axis"], ["squeezed"]))
    if out == "classes":
        nodes += [
            node("Neg", ["score"], ["calm"]),
            node("Concat", ["calm", "score"], ["classes"], axis=1),
        ]
    if out == "small":
        nodes.append(node("MaxPool", ["score"], ["small"], kernel_shape=[2, 2], strides=[2, 2]))
    outputs = [onnx.helper.make_empty_tensor_value_info(out)]
    graph = onnx.helper.make_graph(nodes, "tiny", [*inputs, *extra], outputs, weights)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    if meta:
        onnx.helper.set_model_props(model, {f"changedet.{k}": v for k, v in meta.items()})
    onnx.save(model, path)
    return str(path)


def planted(**more):
    pair = noisy_pair(1, BANDS, SHAPE, noise=2.0)
    before, after = (p.copy() for p in pair.pixels)
    changed = np.zeros(SHAPE, dtype=bool)
    changed[100:140, 200:280] = True
    after[:, changed] += 25
    return MemoryPair(before, after, **more), changed


def fit(model, pair=None):
    pair = pair or planted()[0]
    return get_method(model).fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())


def raw(fitted, pair):
    padded = pair.grid.window.pad(fitted.halo)
    return fitted.raw(pair.read(padded))[pair.grid.window.within(padded)]


def expected(pair, kernel=3):
    """The same in numpy, away from the edges of the image."""
    distance = np.abs(pair.pixels[1] - pair.pixels[0]).sum(axis=0, dtype=np.float64)
    shape = tuple(s - kernel + 1 for s in distance.shape)
    parts = [
        distance[i : i + shape[0], j : j + shape[1]] for i in range(kernel) for j in range(kernel)
    ]
    return np.sum(parts, axis=0) / kernel**2


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"joined": True},
        {"size": (128, 128)},
        {"size": (96, 160), "joined": True},
        {"out": "squeezed"},
        {"batch": 1, "bands": "c"},
        {"kind": 11},  # double
    ],
    ids=str,
)
def test_what_the_network_says_of_the_whole_image_is_what_it_says_of_any_patch(tmp_path, options):
    pair, _ = planted()
    found = raw(fit(make(tmp_path / "m.onnx", **options), pair), pair)
    np.testing.assert_allclose(found[1:-1, 1:-1], expected(pair), rtol=1e-4, atol=1e-4)


def test_of_two_classes_change_less_no_change_is_taken(tmp_path):
    pair, _ = planted()
    found = raw(fit(make(tmp_path / "m.onnx", out="classes"), pair), pair)
    np.testing.assert_allclose(found[1:-1, 1:-1], 2 * expected(pair), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [("h", "w"), (96, 160)])
def test_change_is_found_the_rest_is_calibrated_and_no_bit_depends_on_the_tiles(tmp_path, size):
    valid = smooth_field(np.random.default_rng(1), SHAPE, 3.0) > -1.2
    pair, changed = planted(valid=valid, garbage=1e6)
    model = make(tmp_path / "m.onnx", size=size)
    detection = fit_detection(pair, pair.context(), Config(method=model))
    score = detection.score(pair, pair.grid.window)
    for tile in (97, 256):
        for window in pair.grid.tiles(tile):
            np.testing.assert_array_equal(detection.score(pair, window), score[window.slices])
    np.testing.assert_array_equal(np.isnan(score), ~valid)
    inside = np.zeros(SHAPE, dtype=bool)
    inside[104:136, 204:276] = True
    away = ~changed & valid
    away[95:145, 195:285] = False
    assert np.mean(score[inside & valid] >= detection.threshold.support) > 0.9
    assert 0.005 < np.mean(score[away] >= 2) < 0.02
    described = detection.describe()
    assert described["method"] == "m.onnx"
    assert len(described["sha256"]) == 64


def test_bands_mean_and_deviation_of_the_metadata_are_used(tmp_path):
    model = make(
        tmp_path / "m.onnx", bands=2, meta={"bands": "red, green", "mean": "5,7", "std": "2,4"}
    )
    pair, _ = planted(roles=("green", "nir", "red"))
    fitted = fit(model, pair)
    assert fitted.describe()["model_bands"] == ["red", "green"]
    distance = np.abs(pair.pixels[1] - pair.pixels[0])
    scaled = MemoryPair(np.zeros((2, *SHAPE)), np.stack([distance[2] / 2, distance[0] / 4]))
    np.testing.assert_allclose(
        raw(fitted, pair)[1:-1, 1:-1], expected(scaled), rtol=1e-4, atol=1e-4
    )


def test_the_mean_is_taken_off_before_the_network_pads_with_zeros(tmp_path):
    """At the edge of a network's own padding a wrong mean would show; here both dates have it."""
    network = open_network(make(tmp_path / "m.onnx", meta={"mean": "100", "std": "10"}), ("a",) * 3)
    before, after = np.full((2, BANDS, 320, 320), 100, dtype=np.float32)
    after = after + np.float32(20)
    score = network.score(before, after, np.ones((320, 320), dtype=bool))
    np.testing.assert_allclose(score[5:-5, 5:-5], 6.0, rtol=1e-5)


def test_a_network_that_looks_further_than_its_halo_is_said(tmp_path):
    model = make(tmp_path / "m.onnx", kernel=41, meta={"halo": "2"})
    with pytest.warns(CalibrationWarning, match="looks further than its halo of 2 pixels"):
        fit(model)
    fit(make(tmp_path / "n.onnx", kernel=41, meta={"halo": "20"}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": 4}, r"takes 4 bands of each image and was given 3 \(band1, band2, band3\)"),
        ({"bands": 2, "joined": True}, "takes 2 bands of each image and was given 3"),
        ({"meta": {"bands": "red"}}, "asks for the bands red; the images have band1, band2, ban"),
        ({"meta": {"halo": "wide"}}, "changedet.halo='wide'.*whole number"),
        ({"meta": {"halo": "70"}, "size": (128, 128)}, "a halo of 70 leaves nothing"),
        ({"meta": {"mean": "1,2"}}, "changedet.mean='1,2'.*one number, or 3"),
        ({"meta": {"std": "0"}}, "every value must be above 0"),
        ({"meta": {"std": "x"}}, "changedet.std='x'"),
        ({"batch": 8}, r"takes before .*it must take two images \(1, band, y, x\)"),
        ({"extra": [tensor("third", [1])]}, "third .*it must take two images"),
        ({"out": "small"}, r"returned \(1, 1, 160, 160\) for images of 320 x 320"),
    ],
    ids=str,
)
def test_a_network_that_does_not_fit_is_refused_in_plain_words(tmp_path, options, message):
    model = make(tmp_path / "m.onnx", **options)
    with pytest.raises(MethodError, match=message) as caught:
        fit(model)
    assert "m.onnx" in str(caught.value)


def test_a_network_that_fails_is_named(tmp_path):
    network = open_network(make(tmp_path / "m.onnx", bands="c", joined=True), ("a",) * 4)
    images = np.zeros((2, 4, 320, 320), dtype=np.float32)
    with pytest.raises(MethodError, match=r"m.onnx failed on an image of 320 x 320 pixels: "):
        network.score(*images, np.ones((320, 320), dtype=bool))


def test_a_file_that_is_no_network_is_refused(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(MethodError, match="cannot be opened"):
        fit(str(path))


def test_without_onnxruntime_the_pip_line_is_said(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **more):
        if name.startswith("onnxruntime"):
            raise ImportError(name)
        return real(name, *args, **more)

    model = make(tmp_path / "m.onnx")
    import importlib

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingDependencyError, match=r'pip install "changedet\[onnx\]"'):
        get_method(model)


def test_the_source_is_described_with_its_hash(tmp_path):
    model = make(tmp_path / "m.onnx")
    first = describe_source(model)
    assert first["model"] == model
    make(tmp_path / "m.onnx", kernel=5)
    assert describe_source(model)["sha256"] != first["sha256"]
