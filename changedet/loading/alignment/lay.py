"""Laying feature planes of the second image on the first by a motion that is already known."""

from __future__ import annotations

import numpy as np

from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.spectra import taper
from changedet.model import Window

SUBPIXEL = 32
"""OpenCV rounds the coordinates of Lanczos interpolation to this share of a pixel."""
_CONSTANT = 0.01
"""Variation of the correction over a block (pixels) up to which it is one shift."""
_NODES = 8
"""Pixels between places where the correction is worked out exactly."""
_TAPS = 5
"""Half the length of the kernel of a pure shift."""


def correction(motion: Motion, rows: np.ndarray, cols: np.ndarray, backward: bool) -> np.ndarray:
    """Correction (dy, dx) of the second image at places of the first: after, or before image."""
    if not backward:
        return motion.at(rows, cols)
    there = motion.at(rows, cols)
    return -motion.at(rows + there[..., 0], cols + there[..., 1])


def laid_on(
    planes: list[np.ndarray],
    far: Window,
    box: Window,
    corners: np.ndarray,
    size: int,
    motion: Motion,
    backward: bool,
    exact: bool,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Resample planes of the second image by the known correction.

    Parameters
    ----------
    planes : list of (y, x) float32 arrays
        Real and imaginary part of the feature, then masks.
    far, box : Window
        What the planes cover, and what is wanted.
    corners : (n, 2) int array
        First pixels of the windows that will be cut out of the box.
    size : int
        Their side.
    motion, backward
        See :func:`correction`.
    exact : bool
        Lanczos rather than cubic interpolation: twelve times slower, and the phases of all
        frequencies right to 0.006 px rather than 0.05.

    Returns
    -------
    planes : list of (y, x) float32 arrays
        On the box.
    applied : (n, 2) float array
        Correction that was taken out at the centre of each window.
    """
    import cv2

    middle = corners + (size - 1) / 2
    applied = correction(motion, middle[:, 0], middle[:, 1], backward)
    nodes = _nodes(motion, box, backward)
    if max(float(np.ptp(n)) for n in nodes) < _CONSTANT:
        shift = np.array([float(n.mean()) for n in nodes])
        start = np.array([box.row - far.row, box.col - far.col]) - shift
        constant = np.broadcast_to(shift, applied.shape)
        taps = [_TAPS] * 2 + [1] * (len(planes) - 2)
        return [
            _shifted(plane, start, box.shape, n) for plane, n in zip(planes, taps, strict=True)
        ], constant
    known_y, known_x = (_dense(n, box.shape) for n in nodes)
    rows = np.arange(box.row - far.row, box.row - far.row + box.height, dtype=np.float32)
    cols = np.arange(box.col - far.col, box.col - far.col + box.width, dtype=np.float32)
    map_y, map_x = rows[:, None] - known_y, cols[None] - known_x
    if not exact:
        values = [cv2.remap(plane, map_x, map_y, cv2.INTER_CUBIC) for plane in planes[:2]]
    else:
        # rounding here, not inside OpenCV, so that what was rounded away is known
        step = np.float32(1 / SUBPIXEL)
        even_y, even_x = (np.rint(m * np.float32(SUBPIXEL)) * step for m in (map_y, map_x))
        lost = [
            _window_means(m - even, corners, size, box)
            for m, even in ((map_y, even_y), (map_x, even_x))
        ]
        applied = applied + np.stack(lost, -1)
        both = cv2.remap(cv2.merge(planes[:2]), even_x, even_y, cv2.INTER_LANCZOS4)
        values = [both[..., 0], both[..., 1]]
    return [
        *values, *(cv2.remap(plane, map_x, map_y, cv2.INTER_LINEAR) for plane in planes[2:])
    ], applied  # fmt: skip


def _shifted(plane: np.ndarray, start: np.ndarray, shape: tuple[int, int], taps: int) -> np.ndarray:
    """Cut a part out of a plane that begins between pixels, by a windowed sinc (linear: 1 tap)."""
    import cv2

    whole = np.floor(start).astype(int)
    kernels = []
    for part in start - whole:
        at = np.arange(-taps + 1, taps + 1) - part
        sinc = np.sinc(at) * np.cos(np.pi * at / (2 * taps + 1)) ** 2
        kernel = 1 - np.abs(at) if taps == 1 else sinc
        kernels.append(kernel / kernel.sum())
    first = taps - 1
    need = Window(
        int(whole[0]) - first, int(whole[1]) - first, shape[0] + 2 * taps, shape[1] + 2 * taps
    )
    source = np.zeros(need.shape, np.float32)
    inside = need.intersect(Window(0, 0, *plane.shape))
    if not inside.empty:
        source[inside.within(need)] = plane[inside.slices]
    out = cv2.sepFilter2D(source, -1, kernels[1], kernels[0], anchor=(first, first))
    return np.ascontiguousarray(out[first : first + shape[0], first : first + shape[1]])


def _nodes(motion: Motion, box: Window, backward: bool) -> list[np.ndarray]:
    """Correction (dy and dx) at every eighth pixel of a block and one beyond."""
    rows = np.arange(box.row, box.row + box.height + 7, _NODES, dtype=np.float64)
    cols = np.arange(box.col, box.col + box.width + 7, _NODES, dtype=np.float64)
    known = correction(motion, rows[:, None], cols[None], backward)
    return [np.ascontiguousarray(known[..., k], dtype=np.float32) for k in (0, 1)]


def _dense(nodes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bilinear between nodes, on every pixel of a block."""
    import cv2

    step = np.float32(1 / _NODES)
    map_y = np.repeat((np.arange(shape[0], dtype=np.float32) * step)[:, None], shape[1], 1)
    map_x = np.repeat((np.arange(shape[1], dtype=np.float32) * step)[None], shape[0], 0)
    out: np.ndarray = cv2.remap(
        nodes, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return out


def _window_means(values: np.ndarray, corners: np.ndarray, size: int, box: Window) -> np.ndarray:
    """Tapered mean over each window; every third pixel is enough for rounding errors."""
    hann = taper(size)[1::3, 1::3]
    one_way = hann.sum(0) / hann.sum()
    cuts = [Window(int(r), int(c), size, size).within(box) for r, c in corners]
    return np.array([one_way @ values[cut][1::3, 1::3] @ one_way for cut in cuts])
