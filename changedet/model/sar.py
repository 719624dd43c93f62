"""What radar values can be: decibels, intensities and amplitudes tell themselves apart."""

from __future__ import annotations

import numpy as np

from changedet.model.image import Domain

MOSTLY_NEGATIVE = 0.5
"""Noise subtraction leaves some negative intensities on dark ground, scattered around 0; only
decibels are negative for the greater part."""
NEGATIVE_AMPLITUDE = 0.05
"""A few negative amplitudes come from resampling; a larger share is no amplitude."""
DECIBEL_RANGE = 100.0
"""Radar backscatter in decibels never reaches this far from 0."""


def negative_share(values: np.ndarray) -> float:
    """Share of values that are negative as decibels are; 0 of none.

    Far below lies what somebody wrote for "no data" without saying so.
    """
    return float(np.mean((values < 0) & (values > -DECIBEL_RANGE))) if values.size else 0.0


def contradiction(name: str, values: np.ndarray, domain: Domain) -> str | None:
    """Why values cannot be what they are said to be, and what to do; None if they can.

    Parameters
    ----------
    name : str
        Of the image.
    values : array
        Finite and valid pixel values.
    domain : str
        What they are said to be; nothing is known about optical ones.
    """
    if not values.size or domain == "optical":
        return None
    if domain == "sar-db":
        high = float(values.max())
        if high <= DECIBEL_RANGE:
            return None
        return (
            f"{name} is said to hold decibels (domain sar-db), but its values reach {high:.4g}: "
            f"decibels lie between -{DECIBEL_RANGE:g} and {DECIBEL_RANGE:g}. Say what they are "
            "with --domain sar-amplitude or --domain sar-intensity."
        )
    negative = negative_share(values)
    if negative <= (MOSTLY_NEGATIVE if domain == "sar-intensity" else NEGATIVE_AMPLITUDE):
        return None
    what = "intensities" if domain == "sar-intensity" else "amplitudes"
    return (
        f"{name} is said to hold {what} (domain {domain}), but {negative:.0%} of its values are "
        f"negative (median {float(np.median(values)):.3g}), which {what} are not: they look like "
        "decibels. Say --domain sar-db, or convert them."
    )
