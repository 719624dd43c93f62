"""Settling what the pixel values of an image are."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np

from changedet.model import Domain

DomainSource = Literal["declared", "metadata", "guessed"]


def settle_domain(
    declared: str,
    found: Domain | None,
    radar: bool,
    dtype: np.dtype,
    sample: np.ndarray | None,
) -> tuple[Domain, DomainSource, tuple[str, ...]]:
    """Decide the domain: the user's word, then metadata, then a guess that is noted.

    Parameters
    ----------
    declared : str
        ``auto`` or a domain.
    found : str or None
        What metadata says.
    radar : bool
        Whether metadata says radar without saying which kind of values.
    dtype : numpy.dtype
        Of the stored pixels.
    sample : array or None
        Some pixels, for telling decibels from intensity.
    """
    if declared != "auto":
        return cast(Domain, declared), "declared", ()
    if found is not None:
        return found, "metadata", ()
    if not radar:
        note: tuple[str, ...] = ()
        return "optical", "guessed", note
    if dtype.kind in "ui":
        guess: Domain = "sar-amplitude"
    elif sample is not None and sample.size and float(np.mean(sample < 0)) > 0.05:
        guess = "sar-db"
    else:
        guess = "sar-intensity"
    return guess, "guessed", (f"radar image whose values were taken as {guess}: declare --domain",)
