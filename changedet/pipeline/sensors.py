"""Which sensor took an image, and what to say of a series that more than one took."""

from __future__ import annotations

import math
import warnings
from collections import Counter

from changedet.errors import HistoryWarning
from changedet.model import ImageInfo

PIXEL_RATIO = 1.25
"""Pixels that differ by more than this are another sensor's."""


def sensor_of(info: ImageInfo) -> str:
    """Satellite and pixel size, as far as they are known."""
    gsd = info.grid.gsd_m
    size = "pixels of unknown size" if gsd is None else f"{gsd:.3g} m"
    return f"{info.platform or 'unknown sensor'}, {size}"


def tell_of_sensors(infos: tuple[ImageInfo, ...], at: int) -> None:
    """Warn where images are unlike the reference in what took them."""
    base = infos[at]
    unlike = Counter(sensor_of(i) for i in infos if _differs(base, i))
    if unlike:
        named = "; ".join(f"{count} from {name}" for name, count in unlike.items())
        warnings.warn(
            f"Not all {len(infos)} images are of one sensor: the reference is from "
            f"{sensor_of(base)}, {named}. What one sensor sees and the other does not looks like "
            "a change of activity; compare within one sensor where you can.",
            HistoryWarning,
            stacklevel=3,
        )


def _differs(one: ImageInfo, other: ImageInfo) -> bool:
    if one.platform and other.platform and one.platform != other.platform:
        return True
    a, b = one.grid.gsd_m, other.grid.gsd_m
    if a is not None and b is not None and abs(math.log(a / b)) > math.log(PIXEL_RATIO):
        return True
    return one.roles != other.roles or one.domain != other.domain
