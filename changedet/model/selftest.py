"""What a pair of images shows: targets that were planted, and how many of them were seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from changedet.errors import ConfigError

LEVEL = 0.95
"""Confidence of every interval."""
SEEN_SHARE = 0.5
"""A target is seen when this share of its pixels is marked as changed."""


@dataclass(frozen=True)
class TargetType:
    """A thing that is planted: a box, or a flat patch."""

    name: str
    """What it is called: ``12 m container``."""
    kind: str
    """One of :data:`changedet.model.KINDS`; ``other`` for a patch."""
    length: float
    """Metres on the ground (pixels without georeferencing)."""
    width: float
    """As ``length``."""
    height_m: float = 0.0
    """Metres above the ground; 0 casts no shadow."""
    uneven: float = 0.0
    """How much lighter and darker parts of it are (curved roofs, loads, cabs): standard deviation
    of its brightness over its own surface, as a share of it."""


@dataclass(frozen=True)
class PlantedTarget:
    """One target, where it was planted, and what was made of it."""

    type: str
    """Name of its :class:`TargetType`."""
    contrast: float
    """As asked: share of the light that the ground reflects, or decibels for radar."""
    reached: float
    """As planted: smaller where the sensor ends."""
    colour: float
    """Share of the squared contrast that is colour and not brightness, 0 to 1."""
    row: float
    """Middle, row of the common grid."""
    col: float
    """Middle, column."""
    bearing_deg: float
    """Of its long side, clockwise from north (from the rows' direction without georeferencing)."""
    pixels: int
    """Pixels whose centre it covers."""
    round: int
    """In which round, from 1."""
    covered: float
    """Share of these pixels that are marked as changed."""
    seen: bool
    """Whether that is at least :data:`SEEN_SHARE`."""
    change: str | None
    """What the object that covers most of it is said to be; None if there is none."""
    missed_by: str | None
    """None if seen; ``not significant``, ``partly outlined`` or ``explained: shadow`` ..."""


@dataclass(frozen=True)
class DetectionRate:
    """How many of some planted targets were seen, with a Wilson interval."""

    type: str
    """Name of the target; of its size therefore."""
    contrast: float | None
    """Contrast; None for all contrasts together."""
    planted: int
    """How many were planted."""
    seen: int
    """How many of them were seen."""
    probability: float | None
    """Share that was seen; None where none was planted."""
    low: float | None
    """Lower end of the 95 % interval."""
    high: float | None
    """Upper end."""

    @classmethod
    def of(cls, type: str, contrast: float | None, seen: Sequence[bool]) -> DetectionRate:
        """Count."""
        planted, hits = len(seen), int(sum(seen))
        share, low, high = wilson(hits, planted)
        return cls(type, contrast, planted, hits, share, low, high)


@dataclass(frozen=True)
class DetectionCurve:
    """Detection probability of one type as a smooth function of contrast, with its band."""

    type: str
    """Name of the target."""
    contrast: tuple[float, ...]
    """Where the curve is given, within what was planted."""
    probability: tuple[float, ...]
    """Fitted probability."""
    low: tuple[float, ...]
    """Lower end of the 95 % band."""
    high: tuple[float, ...]
    """Upper end."""
    contrast_of_90: float | None
    """Contrast at which 90 % are seen; None where that lies outside what was planted."""


def wilson(hits: int, trials: int) -> tuple[float | None, float | None, float | None]:
    """Share of hits with the 95 % interval of Wilson, JASA 22:209 (1927).

    Parameters
    ----------
    hits, trials : int
        None throughout where there are no trials.
    """
    if trials == 0:
        return None, None, None
    from scipy.special import ndtri

    z = float(ndtri(0.5 + LEVEL / 2))
    share = hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    spread = math.sqrt(share * (1 - share) / trials + (z / trials / 2) ** 2)
    half = z / (1 + z * z / trials) * spread
    return share, max(0.0, middle - half), min(1.0, middle + half)


Writer = Callable[..., Path]


@dataclass(frozen=True, eq=False)
class SelfTest:
    """What a detector sees of known targets in the user's own pair of images."""

    types: tuple[TargetType, ...]
    """What was planted."""
    contrasts: tuple[float, ...]
    """At which contrasts."""
    unit: str
    """Of contrasts: ``share`` of the light that the ground reflects, or ``dB``."""
    length_unit: str
    """Of lengths: ``m``, or ``px`` without georeferencing."""
    targets: tuple[PlantedTarget, ...]
    """Every planted target."""
    curves: tuple[DetectionCurve, ...]
    """Smooth detection probability by type; empty where it cannot be fitted."""
    rounds: int
    """Runs of the detection that were needed."""
    expected_false_per_km2: float | None
    """False objects per square kilometre of unchanged ground, as calibrated; None without
    metres."""
    found_per_km2: float | None
    """Unexplained objects per square kilometre without any target; real changes are among them."""
    found: int
    """Unexplained objects without any target."""
    observed_km2: float | None
    """Ground on which a change could have been seen; None without metres."""
    rule: str
    """How the threshold was found."""
    image: dict[str, Any] = field(default_factory=dict)
    """Blur, noise and light as measured or given, which the targets share."""
    cannot_tell: tuple[str, ...] = ()
    """What could not be tested, and why."""
    summary: dict[str, Any] = field(default_factory=dict)
    """Inputs, grid, alignment, detector and settings, as plain values."""
    manifest: dict[str, Any] = field(default_factory=dict)
    """Everything needed to run again."""
    writer: Writer | None = field(default=None, repr=False)
    """How to write it to a folder; set by the pipeline."""

    def rate(self, type: str, contrast: float | None = None) -> DetectionRate:
        """Detection probability of one type at one contrast, or at all of them together.

        Raises
        ------
        ConfigError
            If nothing of the kind was planted.
        """
        if type not in [t.name for t in self.types] or (
            contrast is not None and contrast not in self.contrasts
        ):
            raise ConfigError(
                f"No {type!r} of contrast {contrast!r} was planted: there are "
                f"{', '.join(repr(t.name) for t in self.types)} at "
                f"{', '.join(f'{c:g}' for c in self.contrasts)}."
            )
        chosen = [
            t.seen for t in self.targets
            if t.type == type and contrast in (None, t.contrast)
        ]  # fmt: skip
        return DetectionRate.of(type, contrast, chosen)

    def rates(self) -> Iterator[DetectionRate]:
        """Every type at every contrast, by size."""
        for one in self.types:
            for contrast in self.contrasts:
                yield self.rate(one.name, contrast)

    @property
    def direction_right(self) -> DetectionRate:
        """Share of seen targets that are said to have appeared, as they did."""
        named = [t.change == "appeared" for t in self.targets if t.seen]
        return DetectionRate.of("said to have appeared", None, named)

    @property
    def missed_by(self) -> dict[str, int]:
        """Why targets were missed, most frequent first."""
        reasons = [t.missed_by for t in self.targets if t.missed_by is not None]
        counts = {r: reasons.count(r) for r in set(reasons)}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def describe(self) -> dict[str, Any]:
        """Everything but the single targets as plain JSON values."""
        direction = asdict(self.direction_right)
        return {
            **self.summary,
            "seen_means": f"at least {SEEN_SHARE:.0%} of a target's pixels are marked as changed",
            "interval": f"Wilson, {LEVEL:.0%}",
            "contrast_unit": self.unit,
            "length_unit": self.length_unit,
            "types": [asdict(t) for t in self.types],
            "planted": len(self.targets),
            "rounds": self.rounds,
            "rates": [asdict(r) for r in self.rates()],
            "curves": [asdict(c) for c in self.curves],
            "direction_right": {k: direction[k] for k in ("planted", "seen", "probability",
                                                          "low", "high")},
            "missed_by": self.missed_by,
            "false_objects": {
                "expected_per_km2": self.expected_false_per_km2,
                "rule": self.rule,
                "found_without_targets": self.found,
                "found_per_km2": self.found_per_km2,
                "observed_km2": self.observed_km2,
            },
            "image": dict(self.image),
            "cannot_tell": list(self.cannot_tell),
        }  # fmt: skip

    def write(self, out: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write ``selftest.json``, tables and, where matplotlib is there, a figure into a folder.

        Parameters
        ----------
        out : path
            The folder to make.
        overwrite : bool
            Replace an existing folder.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        OutputError
            If the folder exists and ``overwrite`` is False, or writing fails.
        """
        if self.writer is None:
            raise NotImplementedError("This self-test was built without a writer.")
        return self.writer(self, Path(out), overwrite=overwrite)

    def __repr__(self) -> str:
        seen = int(np.sum([t.seen for t in self.targets]))
        return f"<SelfTest: {seen} of {len(self.targets)} planted targets seen>"
