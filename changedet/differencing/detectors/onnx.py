"""A trained network as a detector: any ONNX file that takes two images and gives one score.

Run by onnxruntime (extra ``onnx``) on one processor core a patch, always in the same patches, so
that a rerun on the same machine gives the same bits. No weights come with the package, and a
network knows only what it was trained on: its score is calibrated here like any other, on the pair
itself, which says how unusual a score is within this pair and not that it is right.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext, Method
from changedet.differencing.detectors.patches import (
    PatchDetector,
    fit_scale,
    largest_difference,
    typical_values,
)
from changedet.differencing.sampling import Sample
from changedet.errors import CalibrationWarning, MethodError, UnknownMethodError, require

SUFFIX = ".onnx"
SIZE = 320
"""Rows and columns of a patch for a network that takes any size."""
MULTIPLE = 32
"""Networks halve their input up to five times: sizes and shifts are multiples of this."""
HALO = 32
"""Pixels at the edge of a patch whose scores are not used, unless the file says otherwise."""
SEAM = 0.25
"""Difference between two neighbouring patches, in deviations of the score, that is worth a word."""
TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}


def method(path: str) -> Method:
    """Make a detector of an ONNX file.

    Raises
    ------
    UnknownMethodError
        If there is no such file.
    MissingDependencyError
        If onnxruntime is not installed.
    """
    if not Path(path).expanduser().is_file():
        raise UnknownMethodError(f"method={path!r}: there is no such file.")
    require("onnxruntime", "onnx", f"run the network {path}")

    def fit(sample: Sample, context: DetectionContext) -> PatchDetector:
        network = open_network(path, context.roles)
        raw = PatchDetector(
            f"{Path(path).name}", network.score, sample.reader.grid,
            (network.size[0] - 2 * network.halo, network.size[1] - 2 * network.halo), network.halo,
            typical_values(sample), network.describe(),
        )  # fmt: skip
        fitted = fit_scale(raw, sample)
        _say_seams(fitted, sample, network)
        return fitted

    return Method(fit, f"the network {path}")


def describe_source(path: str) -> dict[str, Any]:
    """The file and its hash."""
    data = Path(path).expanduser().read_bytes()
    return {"model": path, "sha256": hashlib.sha256(data).hexdigest()}


@dataclass(frozen=True, eq=False)
class Network:
    """An ONNX file, and how images are given to it."""

    path: str
    """The file."""
    session: Any
    """Of onnxruntime."""
    bands: tuple[int, ...]
    """Positions of the bands it is given, in its order."""
    roles: tuple[str, ...]
    """What they are."""
    size: tuple[int, int]
    """Rows and columns of a patch."""
    halo: int
    """Pixels at the edge of a patch whose scores are not used."""
    mean: np.ndarray
    """(band,) subtracted,"""
    std: np.ndarray
    """(band,) and divided by, before it sees a pixel."""
    kind: Any
    """Type of number it takes."""

    def score(self, before: np.ndarray, after: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Run the network on one patch."""
        shown = [
            ((image[list(self.bands)] - self.mean[:, None, None]) / self.std[:, None, None])[None]
            for image in (before, after)
        ]
        inputs = self.session.get_inputs()
        given = shown if len(inputs) == 2 else [np.concatenate(shown, axis=1)]
        feed = {i.name: v.astype(self.kind) for i, v in zip(inputs, given, strict=True)}
        try:
            result = self.session.run([self.session.get_outputs()[0].name], feed)[0]
        except Exception as error:  # onnxruntime has no public root of its errors
            raise MethodError(
                f"The network {self.path} failed on an image of {valid.shape[0]} x "
                f"{valid.shape[1]} pixels: {' '.join(str(error).split())}"
            ) from error
        return self._one_score(np.asarray(result), valid.shape)

    def _one_score(self, result: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """(y, x) score of what came out."""
        if result.shape in ((1, 1, *shape), (1, *shape)):
            return result.reshape(shape)
        if result.shape == (1, 2, *shape):
            change: np.ndarray = result[0, 1] - result[0, 0]
            return change
        raise MethodError(
            f"The network {self.path} returned {result.shape} for images of {shape[0]} x "
            f"{shape[1]} pixels: its first output must be (1, 1, y, x) or (1, y, x), a score, or "
            "(1, 2, y, x), no change and change, at the size of the input."
        )

    def describe(self) -> dict[str, Any]:
        """Where it comes from, and what it is given."""
        return {
            **describe_source(self.path),
            "model_bands": list(self.roles),
            "model_size": list(self.size),
            "model_mean": [float(v) for v in self.mean],
            "model_std": [float(v) for v in self.std],
        }


def open_network(path: str, roles: Sequence[str]) -> Network:
    """Read an ONNX file and check that the bands suit it.

    Raises
    ------
    MethodError
        If it is no network that takes two images, or its metadata cannot be used.
    MissingDependencyError
        If onnxruntime is not installed.
    """
    runtime: Any = require("onnxruntime", "onnx", f"run the network {path}")
    options = runtime.SessionOptions()
    # Tiles already run side by side, and sums that are split over threads are rounded differently.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    try:
        data = Path(path).expanduser().read_bytes()
        session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no public root of its errors
        raise MethodError(
            f"The network {path} cannot be opened: {' '.join(str(error).split())}"
        ) from error
    meta = dict(session.get_modelmeta().custom_metadata_map)
    count, sides, kind = _inputs(session, path)
    bands = _bands(meta, roles, path)
    if count is not None and count != len(bands):
        raise MethodError(
            f"The network {path} takes {count} bands of each image and was given {len(bands)} "
            f"({', '.join(roles[i] for i in bands)}): choose bands (--bands), or name them in the "
            "file's metadata (changedet.bands)."
        )
    halo, size = _halo_and_size(meta, sides, path)
    mean = _numbers(meta, "mean", 0.0, len(bands), path)
    std = _numbers(meta, "std", 1.0, len(bands), path)
    if (std <= 0).any():
        raise MethodError(f"The network {path} has changedet.std={meta['changedet.std']!r} in its "
                          "metadata: every value must be above 0.")  # fmt: skip
    return Network(
        path, session, bands, tuple(roles[i] for i in bands), size, halo, mean, std, kind
    )


def _inputs(session: Any, path: str) -> tuple[int | None, tuple[int | None, int | None], Any]:
    """Bands of each image (None: any), fixed height and width (None: any), and number type."""
    inputs = session.get_inputs()
    shapes = [[d if isinstance(d, int) else None for d in i.shape] for i in inputs]
    told = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
    fits = (
        len(inputs) in (1, 2)
        and all(len(s) == 4 and s[0] in (1, None) for s in shapes)
        and all(s[1:] == shapes[0][1:] for s in shapes)
        and all(i.type == inputs[0].type and i.type in TYPES for i in inputs)
        and (len(inputs) == 2 or shapes[0][1] is None or shapes[0][1] % 2 == 0)
    )
    if not fits:
        raise MethodError(
            f"The network {path} takes {told}: it must take two images (1, band, y, x), before "
            "and after, or both in one (1, 2 * band, y, x), of floating-point numbers."
        )
    bands, height, width = shapes[0][1:]
    if bands is not None and len(inputs) == 1:
        bands //= 2
    return bands, (height, width), TYPES[inputs[0].type]


def _halo_and_size(
    meta: dict[str, str], sides: tuple[int | None, int | None], path: str
) -> tuple[int, tuple[int, int]]:
    """Pixels that are not used at the edge of a patch, and the size of a patch."""
    text = meta.get("changedet.halo")
    fixed = [s for s in sides if s is not None]
    if text is None:
        halo = min(HALO, *(s // 4 for s in fixed)) if fixed else HALO
    elif text.strip().isdigit():
        halo = int(text)
    else:
        raise MethodError(f"The network {path} has changedet.halo={text!r} in its metadata: it "
                          "must be a whole number of pixels.")  # fmt: skip
    # room for a patch in the middle, however large the halo
    free = -(-max(SIZE, 4 * halo) // MULTIPLE) * MULTIPLE
    size = (sides[0] or free, sides[1] or free)
    if min(size) <= 2 * halo:
        raise MethodError(
            f"The network {path} takes images of {size[0]} x {size[1]} pixels, of which a halo of "
            f"{halo} leaves nothing: give a smaller changedet.halo in its metadata."
        )
    return halo, size


def _bands(meta: dict[str, str], roles: Sequence[str], path: str) -> tuple[int, ...]:
    """Positions of the bands that the file asks for; all without such a wish."""
    if "changedet.bands" not in meta:
        return tuple(range(len(roles)))
    wanted = [name.strip().lower() for name in meta["changedet.bands"].split(",")]
    missing = [name for name in wanted if name not in roles]
    if missing:
        raise MethodError(
            f"The network {path} asks for the bands {', '.join(wanted)}; the images have "
            f"{', '.join(roles)}, and no {', '.join(missing)}."
        )
    return tuple(list(roles).index(name) for name in wanted)


def _numbers(meta: dict[str, str], name: str, default: float, count: int, path: str) -> np.ndarray:
    """(band,) float32 numbers of the metadata; one number serves all bands."""
    text = meta.get(f"changedet.{name}")
    try:
        values = [default] if text is None else [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    if len(values) not in (1, count) or not np.isfinite(values).all():
        raise MethodError(
            f"The network {path} has changedet.{name}={text!r} in its metadata: it must be one "
            f"number, or {count} separated by commas, one a band."
        )
    return np.broadcast_to(np.array(values, dtype=np.float32), (count,))


def _say_seams(fitted: PatchDetector, sample: Sample, network: Network) -> None:
    """Warn where the network looks further than its halo: neighbouring patches then disagree."""
    room = min(fitted.cell) + 2 * fitted.margin
    side = min(64, min(fitted.cell) // 2)
    if network.size[0] != network.size[1] or side < 1 or min(fitted.cell) - side < MULTIPLE:
        return
    first = (fitted.margin, room - fitted.margin - side)
    second = (fitted.margin + MULTIPLE, room - fitted.margin - side - MULTIPLE)
    apart = largest_difference(fitted, sample, first, second, side)
    if apart > SEAM:
        warnings.warn(
            CalibrationWarning(
                f"The network {network.path} looks further than its halo of {network.halo} pixels: "
                f"neighbouring patches give scores that differ by up to {apart:.2g} deviations, "
                "and their edges may show. Give the reach of the network as changedet.halo in its "
                "metadata."
            ),
            stacklevel=2,
        )
