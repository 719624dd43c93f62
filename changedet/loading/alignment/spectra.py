"""Phase spectra of windows, and where their correlation peaks to a hundredth of a pixel.

Everything here is linear in the phase spectra: surfaces of many windows can be summed before the
peak is sought, so a shift that no window shows alone is found by all together, and windows that
changed only add noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.fft

HIGHEST = 0.36
"""Cycles per pixel above which spectra are aliased or compressed away."""
_SMALL = 250_000
"""Multiplications in a real matrix product below which OpenBLAS does not start threads: products
here are many and small, and its threads would wait for each other more than they work."""
_RINGS = 16
_TOGETHER = 16
_STANDS = 1e-4
"""Pixels: a Newton step this short is the last."""
_DUST = 1e-6
"""Strength of cross spectra that rounding alone can make; real ones are above 1."""
_TAPER_CORRELATION = 2.25
"""A two-dimensional Hann taper makes this many neighbouring frequencies one independent value."""


@dataclass(frozen=True, eq=False)
class Spectra:
    """Phase-only cross spectra of n windows, low frequencies only."""

    phases: np.ndarray
    """(n, k, k) complex64 of magnitude 1 (0 outside the band)."""
    frequencies: np.ndarray
    """(k,) cycles per pixel along either axis."""
    weights: np.ndarray
    """(k, k) float32: how much each frequency counts."""
    coherence: np.ndarray
    """(rings,) mean cosine of the phase error by ring of frequency, 0 to 1."""

    @cached_property
    def total_weight(self) -> float:
        """Sum of the weights: the height of a perfect peak."""
        return float(self.weights.sum())

    @cached_property
    def noise(self) -> float:
        """Standard deviation of a window's correlation where nothing matches, peak = 1."""
        power = float((self.weights.astype(np.float64) ** 2).sum())
        return float(np.sqrt(power / 2 * _TAPER_CORRELATION)) / max(self.total_weight, 1e-12)

    def pooled(self, weights: np.ndarray | None = None) -> Spectra:
        """Return all windows as one (weighted mean)."""
        w = np.ones(len(self.phases)) if weights is None else weights
        share = (w / max(w.sum(), 1e-12)).astype(np.complex64)
        mean = np.einsum("n,nij->ij", share, self.phases)
        return replace(self, phases=mean[None])

    def take(self, rows: np.ndarray) -> Spectra:
        """Return some of the windows."""
        if rows.dtype == bool and rows.all():
            return self
        return replace(self, phases=self.phases[rows])


def _radius(frequencies: np.ndarray) -> np.ndarray:
    return np.hypot(frequencies[:, None], frequencies[None])


def band(size: int, lowest: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the kept frequencies of a window, and the frequencies (cycles per pixel)."""
    frequencies = scipy.fft.fftfreq(size)
    keep = np.flatnonzero(np.abs(frequencies) <= HIGHEST)
    return keep, frequencies[keep].astype(np.float32)


def taper(size: int) -> np.ndarray:
    """Hann window in two dimensions, float32."""
    one = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)
    return np.outer(one, one).astype(np.float32)


def phases(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Phase-only cross spectra of (n, size, size) feature windows, already tapered."""
    size = before.shape[-1]
    keep, frequencies = band(size)
    # rows first, then only the columns that are kept: a third of the work is never done
    f = _low_fft(before, keep)
    g = _low_fft(after, keep)
    f *= g.conj()
    strength = np.abs(f)
    f /= np.maximum(strength, 1e-20)
    radius = _radius(frequencies)
    f[:, (radius > HIGHEST) | (radius < 0.5 / size)] = 0
    f[strength <= _DUST] = 0
    return f


def _low_fft(stack: np.ndarray, keep: np.ndarray) -> np.ndarray:
    one = scipy.fft.fft(stack.astype(np.complex64, copy=False), axis=2)[:, :, keep]
    return scipy.fft.fft(one, axis=1)[:, keep]


def gather(stacked: np.ndarray, size: int) -> Spectra:
    """Put phase spectra together with flat weights over the useful band."""
    _, frequencies = band(size)
    radius = _radius(frequencies)
    weights = ((radius <= 0.3) & (radius >= 0.5 / size)).astype(np.float32)
    return Spectra(stacked, frequencies, weights, np.zeros(_RINGS))


def surfaces(
    spectra: Spectra, reach: float, step: float = 0.5, centre: tuple[float, float] = (0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of every window on a lattice of shifts.

    Returns
    -------
    shifts : (m,) float array
        Along either axis from ``centre``, pixels.
    values : (n, m, m) float32 array
        ``values[i, a, b]`` at the shift ``centre + (shifts[a], shifts[b])``; 1 = a perfect match.
    """
    shifts = np.arange(-reach, reach + step / 2, step)
    steer, steer_x = (
        np.exp(2j * np.pi * np.outer(shifts + c, spectra.frequencies)).astype(np.complex64)
        for c in centre
    )
    m, k = steer.shape
    values = np.empty((len(spectra.phases), m, m), np.float32)
    # in real numbers, and few rows at a time: see _SMALL
    first = np.block([[steer.real, -steer.imag], [steer.imag, steer.real]])
    last = np.concatenate([steer_x.real.T, -steer_x.imag.T])
    rows, rows_last = (max(1, _SMALL // (2 * k * n)) for n in (k, m))
    for i, phase in enumerate(spectra.phases):
        weighted = phase * spectra.weights
        right = np.concatenate([weighted.real, weighted.imag])
        half = np.concatenate([first[a : a + rows] @ right for a in range(0, 2 * m, rows)])
        both = np.concatenate([half[:m], half[m:]], axis=1)
        for a in range(0, m, rows_last):
            values[i, a : a + rows_last] = both[a : a + rows_last] @ last
    return shifts, values / max(spectra.total_weight, 1e-12)


def peaks(spectra: Spectra, start: np.ndarray, iterations: int = 4) -> tuple[np.ndarray, ...]:
    """Climb to the top of each window's correlation from a start near it, by Newton steps.

    Parameters
    ----------
    spectra : Spectra
    start : (n, 2) float array
        Shifts (dy, dx), pixels, within about half a pixel of the top.

    Returns
    -------
    shift : (n, 2) float64 array
        The correction (dy, dx) to add to the after window's coordinates.
    height : (n,) float64 array
        Correlation there, at most 1.

    Notes
    -----
    The correlation is a trigonometric polynomial, so its value and derivatives are exact at any
    shift: nothing is interpolated and there is no pull towards whole pixels (the upsampled DFT of
    Guizar-Sicairos, Thurman and Fienup 2008, doi:10.1364/OL.33.000156, without its lattice).
    """
    shift = np.array(start, dtype=np.float64)
    height = np.zeros(len(shift))
    # few windows at a time, so that they stay in the processor's cache from step to step
    for first in range(0, len(shift), _TOGETHER):
        some = slice(first, first + _TOGETHER)
        weighted = spectra.phases[some] * spectra.weights
        shift[some], height[some] = _climbed(weighted, spectra.frequencies, shift[some], iterations)
    return shift, height / max(spectra.total_weight, 1e-12)


def _climbed(
    weighted: np.ndarray, frequencies: np.ndarray, shift: np.ndarray, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Newton steps for a few windows: shifts and heights (sums, not shares)."""
    k = (2j * np.pi * frequencies).astype(np.complex64)
    shift = shift.copy()
    for step in range(iterations + 1):
        ey = np.exp(shift[:, :1] * k)
        ex = np.exp(shift[:, 1:] * k)
        right = np.stack([ex, ex * k, ex * k * k], -1).astype(np.complex64)
        left = np.stack([ey, ey * k, ey * k * k], 1).astype(np.complex64)
        m = (left @ (weighted @ right)).real.astype(np.float64)
        if step == iterations:
            break
        gy, gx, hyy, hxx, hxy = m[:, 1, 0], m[:, 0, 1], m[:, 2, 0], m[:, 0, 2], m[:, 1, 1]
        determinant = hyy * hxx - hxy**2
        top = (hyy < 0) & (determinant > 0)
        safe = np.where(top, determinant, 1.0)
        move = -np.stack([hxx * gy - hxy * gx, hyy * gx - hxy * gy], -1) / safe[:, None]
        move = np.clip(np.where(top[:, None], move, 0.0), -0.3, 0.3)
        shift += move
        # the height changes by the square of the last step
        if np.abs(move).max() < _STANDS:
            break
    return shift, m[:, 0, 0]


def weighted_by_coherence(spectra: Spectra, shift: np.ndarray) -> Spectra:
    """Weigh each frequency by how well the windows agree on it, after their common shift.

    Notes
    -----
    Maximum-likelihood weights of the generalised cross-correlation (Knapp and Carter 1976,
    doi:10.1109/TASSP.1976.1162830) for phase-only spectra: the phase error of a ring is taken as
    von Mises, its concentration from the mean cosine. Season, blur, noise and speckle so decide by
    themselves up to which detail the pair is compared.
    """
    f = spectra.frequencies
    turn = np.exp(2j * np.pi * (shift[0] * f[:, None] + shift[1] * f[None]))
    cosine = (spectra.phases.mean(0) * turn).real
    radius = _radius(f)
    ring = np.minimum((radius / HIGHEST * _RINGS).astype(int), _RINGS - 1)
    inside = (radius <= HIGHEST) & (radius >= 0.5 / _window_size(f))
    count = np.bincount(ring[inside], minlength=_RINGS)
    total = np.bincount(ring[inside], weights=cosine[inside], minlength=_RINGS)
    mean = total / np.maximum(count, 1)
    mean = np.convolve(np.pad(mean, 1, "edge"), [0.25, 0.5, 0.25], "valid")
    mean = np.clip(mean, 0.0, 0.98)
    concentration = mean * (2 - mean**2) / (1 - mean**2)
    weights = np.where(inside, concentration[ring], 0.0).astype(np.float32)
    if weights.max() <= 0:
        return spectra
    return replace(spectra, phases=spectra.phases, weights=weights / weights.max(), coherence=mean)


def _window_size(frequencies: np.ndarray) -> float:
    return 1 / float(np.abs(frequencies[frequencies != 0]).min())


def bound(spectra: Spectra) -> float:
    """Smallest standard deviation (pixels, per axis) with which one window can show its shift.

    The Cramér-Rao bound for the measured coherence.
    """
    f = spectra.frequencies
    radius = _radius(f)
    ring = np.minimum((radius / HIGHEST * _RINGS).astype(int), _RINGS - 1)
    c = spectra.coherence[ring]
    fisher = c * c * (2 - c**2) / (1 - c**2)
    inside = spectra.weights > 0
    total = (4 * np.pi**2 * fisher * (f[:, None] ** 2))[inside].sum() / _TAPER_CORRELATION
    return float(1 / np.sqrt(total)) if total > 0 else float("inf")
