"""What of an object may go on beyond the image, or beyond what could be observed."""

from __future__ import annotations

import numpy as np

from changedet.differencing.objects.measuring import Measures
from changedet.model import CUTS, Grid, ImagePair, Window

CUT_PX = 2
"""An object that comes as near to the image's edge, or to what could not be observed, may go on
there, pixels."""


def count_cuts(
    measures: Measures,
    labels: np.ndarray,
    pair: ImagePair,
    window: Window,
    core: Window,
    grid: Grid,
) -> None:
    """Count in one block what comes near the image's edge and near what could not be observed.

    Parameters
    ----------
    measures : Measures
        Sums to add to.
    labels, pair, window, core
        As for :meth:`Measures.add`.
    grid : Grid
        Of the whole image.
    """
    import cv2

    inside = window.intersect(grid.window).within(window)
    beyond = np.ones(labels.shape, dtype=np.uint8)
    beyond[inside] = 0
    hidden = (~pair.valid).astype(np.uint8)
    hidden[beyond > 0] = 0
    reach = np.ones((2 * CUT_PX + 1, 2 * CUT_PX + 1), np.uint8)
    at = core.within(window)
    mine = labels[at]
    for k, mask in enumerate((beyond, hidden)):
        near = (cv2.dilate(mask, reach)[at] > 0) & (mine > 0)
        measures.cut[k] += np.bincount(mine[near] - 1, minlength=measures.cut.shape[1])


def cut_by(measures: Measures) -> np.ndarray:
    """What may hide a part of each object, one of :data:`changedet.model.CUTS` or None."""
    out = np.full(measures.cut.shape[1], None, dtype=object)
    for name, count in zip(CUTS[::-1], measures.cut[::-1], strict=True):
        out[count > 0] = name
    return out
