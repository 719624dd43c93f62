"""What the properties of zones, tracks and areas say: names, weights, and which is a control."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.errors import GeometryError, MetadataWarning, VectorReadError
from changedet.model import KINDS

_NAMES = ("name", "zone", "id")
_IDS = ("@id", "full_id", "osm_id")
"""Where exports of OpenStreetMap keep what a feature is called there."""
_NO_TRACK = ("platform", "platform_edge", "proposed", "razed", "dismantled")
"""Values of OpenStreetMap's ``railway`` under which lines are drawn that no train can stand on."""
KIND_WEIGHT = "weight_"
"""Start of the names of properties that weigh a kind in one zone: ``weight_railcar``."""
CONTROL = "control"
"""Property that makes a zone the control, and a name that does the same."""
_TRUE, _FALSE = ("1", "true", "yes", "y", "t"), ("0", "false", "no", "n", "f", "")


@dataclass(frozen=True)
class Feature:
    """One feature as it came."""

    geometry: Any
    properties: Mapping[str, Any]
    id: Any = None

    def value(self, name: str) -> Any:
        """A property, whatever its case; None where it is missing or not a number."""
        found = self.properties.get(name)
        if found is None:
            found = next((v for k, v in self.properties.items() if k.lower() == name.lower()), None)
        return None if found is None or found != found else found


def place_names(
    features: Sequence[Feature], wanted: str | None, word: str, label: str, *, tell: bool
) -> list[str]:
    """Names of features, each once.

    Parameters
    ----------
    features : sequence of Feature
        In their order.
    wanted : str or None
        Property that holds the names; by default the first there is of name, zone, id, in any
        case.
    word : str
        What a feature without a name is called: ``zone`` makes ``zone 3`` of the third.
    label : str
        Where they come from, for messages.
    tell : bool
        Whether to warn of features without a name.

    Raises
    ------
    VectorReadError
        If no feature has the property that is wanted.

    Warns
    -----
    MetadataWarning
        If two features share a name, or some have none.
    """
    if wanted is not None and all(f.value(wanted) is None for f in features):
        there = ", ".join(sorted({k for f in features for k in f.properties})) or "none"
        raise VectorReadError(
            f"{label} has no property {wanted!r} for names; its properties are: {there}."
        )
    out, made = [], []
    for number, feature in enumerate(features, 1):
        values = [feature.value(k) for k in ((wanted,) if wanted else _NAMES)]
        name = next((str(v) for v in values if v is not None and str(v)), None)
        if name is None and wanted is None:
            name = _id_of(feature)
        if name is None:
            name = f"{word} {number}"
            made.append(name)
        out.append(name)
    if made and tell:
        shown = ", ".join(made[:3]) + (" ..." if len(made) > 3 else "")
        warnings.warn(
            f"{len(made)} of {len(out)} features in {label} have no name: called {shown}. Give "
            f"them a property {' or '.join(_NAMES)}.",
            MetadataWarning,
            stacklevel=4,
        )
    return _unique(out, label)


def tracks_only(features: Sequence[Feature], label: str) -> list[Feature]:
    """Leave out lines of which OpenStreetMap's ``railway`` says that they are no track.

    Raises
    ------
    VectorReadError
        If nothing is left.

    Warns
    -----
    MetadataWarning
        Of what is left out.
    """
    what = [str(f.value("railway") or "").lower() for f in features]
    left = [f for f, w in zip(features, what, strict=True) if w not in _NO_TRACK]
    if len(left) == len(features):
        return left
    named = ", ".join(dict.fromkeys(w for w in what if w in _NO_TRACK))
    if not left:
        raise VectorReadError(
            f"All {len(features)} features of {label} are lines without trains (railway = "
            f"{named}): give tracks."
        )
    warnings.warn(
        f"{len(features) - len(left)} of {len(features)} features in {label} are left out: no "
        f"trains stand there (railway = {named}).",
        MetadataWarning,
        stacklevel=4,
    )
    return left


def _id_of(feature: Feature) -> str | None:
    """What a feature without a name is called where it comes from, such as ``way/1234``.

    Bare numbers of GeoJSON are places in a file, and say less than ``line 3``.
    """
    own = next((v for k in _IDS if (v := feature.value(k)) is not None and str(v)), None)
    if own is None and isinstance(feature.id, str) and not feature.id.strip().isdigit():
        own = feature.id.strip()
    return str(own) if own else None


def _unique(names: list[str], label: str) -> list[str]:
    """Give names that turn up again a number."""
    out: list[str] = []
    renamed: list[tuple[str, str]] = []
    for name in names:
        fresh, number = name, 2
        while fresh in out or (fresh != name and fresh in names):
            fresh, number = f"{name} ({number})", number + 1
        if fresh != name:
            renamed.append((name, fresh))
        out.append(fresh)
    if renamed:
        (name, fresh), more = renamed[0], len(renamed) - 1
        warnings.warn(
            f"{label} has more than one feature named {name!r}: one is now {fresh!r}"
            f"{f', and {more} more are numbered as well' if more else ''}.",
            MetadataWarning,
            stacklevel=5,
        )
    return out


def place_weight(feature: Feature, name: str, label: str) -> float:
    """Property ``weight``; 1 without it."""
    value = feature.value("weight")
    return 1.0 if value is None else _weight(value, "weight", name, label)


def kind_weights(feature: Feature, name: str, label: str) -> dict[str, float]:
    """Properties such as ``weight_railcar``: how much a kind counts in this zone.

    Raises
    ------
    GeometryError
        If a kind is not known or a weight is not usable.
    """
    out = {}
    for key in feature.properties:
        kind = key.lower().removeprefix(KIND_WEIGHT)
        value = feature.value(key)
        if not key.lower().startswith(KIND_WEIGHT) or value is None:
            continue
        if kind not in KINDS:
            raise GeometryError(
                f"Feature {name!r} in {label} has a property {key!r}, and {kind!r} is no kind of "
                f"object: kinds are {', '.join(KINDS)}."
            )
        out[kind] = _weight(value, key, name, label)
    return out


def is_control(feature: Feature, name: str, label: str) -> bool:
    """Whether a zone is the control: its property ``control`` says so, or its name."""
    value = feature.value(CONTROL)
    if value is None:
        return name.lower() == CONTROL
    text = str(value).strip().lower().removesuffix(".0")
    if text not in (*_TRUE, *_FALSE):
        raise GeometryError(
            f"Feature {name!r} in {label} has control {value!r}: give true or false."
        )
    return text in _TRUE


def _weight(value: Any, key: str, name: str, label: str) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = -1.0
    if not (np.isfinite(weight) and weight >= 0):
        raise GeometryError(
            f"Feature {name!r} in {label} has {key} {value!r}: give a number of 0 or more."
        )
    return weight
