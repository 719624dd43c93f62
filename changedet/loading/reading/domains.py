"""Settling what the pixel values of an image are."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np

from changedet.errors import ConfigError
from changedet.model import Domain
from changedet.model.sar import MOSTLY_NEGATIVE, contradiction, negative_share

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
        return "optical", "guessed", ()
    guess: Domain
    if sample is not None and negative_share(sample) > MOSTLY_NEGATIVE:
        guess, why = "sar-db", "negative for the greater part"
    elif dtype.kind in "ui":
        guess = "sar-amplitude"
        why = "8-bit, so stretched for display," if dtype == np.uint8 else f"of type {dtype}"
    else:
        guess, why = "sar-intensity", f"of type {dtype}"
    note = f"radar image whose values are {why} and were taken as {guess}: declare --domain"
    return guess, "guessed", (note,)


def require_domain(name: str, domain: Domain, sample: np.ndarray) -> None:
    """Refuse an image whose values cannot be what they are said to be.

    Parameters
    ----------
    name : str
        Of the image.
    domain : str
        As settled.
    sample : array
        Some of its valid pixels.

    Raises
    ------
    ConfigError
        If they contradict each other.
    """
    wrong = contradiction(name, sample, domain)
    if wrong is not None:
        raise ConfigError(wrong)
