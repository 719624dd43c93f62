"""Where trains on the other tracks may throw their shadow onto a track."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.activity.tracks.bands import BODY_HALF_M, TrackSamples

HEIGHTS_M = (0.75, 1.5, 2.25, 3.0, 3.75, 4.5)
"""Heights at which the way towards the sun is looked at, metres."""
STANDS = (1.0, 0.97, 0.94, 0.92, 0.80, 0.50)
"""Share of wagons that are so tall: empty flat wagons are 1.3 m, covered ones 4.6 m."""
SHARED_M = 3.4
"""Two tracks nearer than this cannot both hold wagons: they are two lines over one place."""
NEIGHBOURS = 4


@dataclass(frozen=True, eq=False)
class ShadowPaths:
    """For each date, zone and height: which steps of other tracks stand in the light."""

    steps: np.ndarray
    """(date, zone, height, n, k) int: steps in the way."""
    blocks: np.ndarray
    """The same shape, bool: whether there is one."""

    def shaded(self, occupied: np.ndarray, date: int) -> np.ndarray:
        """(n, zone) probability that a zone lies in the shadow of another train.

        Parameters
        ----------
        occupied : (n,) float array
            Probability that each step is occupied at this date.
        date : int
            0 before, 1 after.
        """
        stands = np.array(STANDS)[None, :, None]
        there = np.where(self.blocks[date], occupied[self.steps[date]], 0.0).max(axis=-1)
        return (there * stands).max(axis=1).T


def shadow_paths(samples: TrackSamples) -> ShadowPaths:
    """Follow the light from the zones of every track back to the other tracks."""
    from scipy.spatial import cKDTree

    n, zones = len(samples), len(samples.middles)
    shape = (2, zones, len(HEIGHTS_M), n, NEIGHBOURS)
    steps, blocks = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=bool)
    piece, along = samples.piece, samples.step / 2 + 0.3
    radius = float(np.hypot(BODY_HALF_M, along))
    for date in range(2):
        centre = samples.centre[date]
        tree = cKDTree(centre)
        for z, middle in enumerate(samples.middles):
            start = centre + samples.right * (samples.side[date] * middle)[:, None]
            for h, height in enumerate(HEIGHTS_M):
                at = start - height * samples.away[date]
                distance, found = tree.query(at, k=NEIGHBOURS, distance_upper_bound=radius)
                there = np.isfinite(distance)
                found = np.where(there, found, 0)
                beside = at[:, None] - centre[found]
                across = np.abs(np.einsum("nkc,nkc->nk", beside, samples.right[found]))
                apart = np.hypot(*np.moveaxis(centre[:, None] - centre[found], -1, 0))
                there &= (piece[found] != piece[:, None]) & (across <= BODY_HALF_M)
                there &= apart > SHARED_M
                steps[date, z, h], blocks[date, z, h] = found, there
    return ShadowPaths(steps, blocks)
