"""Where a change could be seen at all, and what hides the rest, date by date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from changedet.loading.reading.saturation import Saturation


@dataclass(frozen=True)
class DateView:
    """What hides the ground at one date; shares of the common area, 0 to 1."""

    shares: tuple[tuple[str, float], ...]
    """By reason: ``outside``, ``nodata``, ``saturation``, ``cloud_shadow``, ``cloud``, ``mask``."""
    clouds_from: str
    """``scl``, ``qa_pixel``, ``pixel_qa``, ``mask``, ``built-in`` or ``not looked for``."""
    snow: float | None
    """Share under snow, where a quality band tells; it stays in the comparison."""
    saturation: Saturation
    """How much is at the top of the range, whether or not it is taken out."""
    files: tuple[tuple[str, str | None], ...] = ()
    """Files of masks and quality bands, with the hash of each; None of URLs."""
    note: str = ""
    """What was seen and not taken out."""

    @property
    def covered(self) -> float:
        """Share under clouds and their shadows."""
        known = dict(self.shares)
        return known.get("cloud", 0.0) + known.get("cloud_shadow", 0.0)

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            **{name: round(float(share), 6) for name, share in self.shares},
            "clouds_from": self.clouds_from,
            "snow": None if self.snow is None else round(float(self.snow), 6),
            "saturated_in_any_band": round(float(self.saturation.share), 6),
            "files": [{"path": path, "sha256": digest} for path, digest in self.files],
        }


@dataclass(frozen=True)
class Observability:
    """Where a change could be seen at all; measured before the alignment."""

    observed: float
    """Share of the common area that can be seen at both dates."""
    outside_area: float
    """Share of the common area outside of the area of interest."""
    saturated_twice: float
    """Share that is saturated in every band at both dates."""
    before: DateView
    """What hides the ground at the first date."""
    after: DateView
    """What hides the ground at the second date."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "observed": round(self.observed, 6),
            "outside_area_of_interest": round(self.outside_area, 6),
            "saturated_at_both_dates": round(self.saturated_twice, 6),
            "before": self.before.describe(),
            "after": self.after.describe(),
        }

    def reasons(self) -> list[str]:
        """What hides most, in words, the largest share first: ``cloud in 40% after``."""
        said = [
            (share, f"{name.replace('_', ' ')} on {share:.0%} of the {date} image")
            for date, view in (("before", self.before), ("after", self.after))
            for name, share in view.shares
            if share >= 0.005
        ]
        if self.outside_area >= 0.005:
            share = self.outside_area
            said.append((share, f"{share:.0%} lies outside the area of interest"))
        return [text for _, text in sorted(said, key=lambda pair: -pair[0])]
