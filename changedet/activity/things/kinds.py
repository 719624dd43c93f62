"""What an object is, from its size, shape and colour and from where it lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.activity.things.chains import Links, chain_priors
from changedet.activity.things.placing import Placed, Relation
from changedet.activity.things.sizes import size_likelihood
from changedet.model import KINDS, Appearance

OUTLINE_PX = 1.0
"""Standard deviation of the length and width of an outline, pixels."""
LINE_M = 1.5
"""Standard deviation of the place of a drawn centreline, metres."""
LANE_M = 2.1
"""Typical distance of a lorry from the centreline of its road, metres."""
AFIELD_M = 60.0
"""Typical distance to the nearest line of things that have nothing to do with it, metres."""
PRIOR: dict[str, float] = {
    "railcar": 0.20, "train": 0.12, "truck": 0.13, "vehicle": 0.05, "convoy": 0.02,
    "container": 0.15, "container_stack": 0.13, "building": 0.03, "earthwork": 0.03,
    "vegetation": 0.05, "water": 0.02, "other": 0.09,
}  # fmt: skip
"""What changes at a freight site; the sizes decide where they can."""
ON_TRACK: dict[str, float] = {"railcar": 0.90, "train": 0.90, "container": 0.03, "other": 0.05}
"""Share of each kind on a track that was drawn (maps leave sidings out)."""
ON_ROAD: dict[str, float] = {"truck": 0.60, "vehicle": 0.50, "convoy": 0.92, "other": 0.05}
"""Share of each kind on a road that was drawn; lorries also stand on pads and in yards."""
SIZE_POWER, PLACE_POWER, CHAIN_POWER = 0.8, 1.6, 1.8
"""Powers to which the likelihoods of size and place and the prior of neighbours are raised: each is
wide, for the worst outlines, and outlines err in common. Between what is most likely of outlines
found in simulated yards with and without lines (``tests/benchmarks/learn_kinds.py``). That of place
is for where a thing stands; how many of a kind stand there counts once. This is a logarithmic
opinion pool (Genest and Zidek 1986, doi:10.1214/ss/1177013825)."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What is known about where and how objects lie."""

    objects: Placed
    """In ground metres."""
    tracks: Relation | None
    """To the given tracks; None when none were given."""
    roads: Relation | None
    """To the given roads; None when none were given."""
    gsd_m: float
    """Ground sample distance, metres."""
    vegetated: np.ndarray
    """(n,) NDVI at the date that holds the object; NaN where unknown."""
    wet: np.ndarray
    """(n,) NDWI, the same."""
    seen: np.ndarray | None = None
    """(n, 3) how likely what the images show along each object is where a track, a road and
    neither runs along it; None when they were not looked at."""
    ground: np.ndarray | None = None
    """(n, 3) how likely the ground beside each object is beside a track, a road, neither, by what
    stands elsewhere; None when it was not looked at."""


def kind_probabilities(setting: Setting, links: Links) -> np.ndarray:
    """Probability of each kind for each object.

    A naive Bayes model: a prior of what changes at a freight site, times the likelihoods of size
    and fill, of vegetation and water index, and of distance and direction to the nearest given
    track and road. Without lines, or beside them, neighbours that stand in one line tell each
    other what they are (:func:`changedet.activity.chain_priors`).

    Parameters
    ----------
    setting : Setting
        Georeferenced.
    links : Links
        Which objects are next to each other in a line.

    Returns
    -------
    (n, kind) float64 array
        Rows sum to 1, before what the pixels are too coarse for is taken back.

    Notes
    -----
    Fails where outlines do not follow the objects: it expects them to be right to about a pixel.
    A box on a flat wagon is a wagon; a stack of one slot is a container, since its height is not
    seen from above.
    """
    sizes, place, chain, colour = evidence(setting, links)
    product = _pooled(sizes, chain, colour) * _scaled(place)
    total = product.sum(axis=1, keepdims=True)
    product[:, KINDS.index("other")] += np.where(total[:, 0] > 0, 0.0, 1.0)
    return np.asarray(product / product.sum(axis=1, keepdims=True))


def standing(setting: Setting, links: Links) -> np.ndarray:
    """How probable it is that each object stands on a track, on a road, on neither, (n, 3)."""
    sizes, _, chain, colour = evidence(setting, links)
    weight = _lying(setting) * (_pooled(sizes, chain, colour) @ _shares())
    total = weight.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, weight / np.where(total > 0, total, 1.0), 1.0 / 3.0))


def _pooled(sizes: np.ndarray, chain: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """What size, neighbours and colour say together, (n, kind)."""
    return np.asarray(
        _scaled(sizes) ** SIZE_POWER * (_scaled(chain) * _scaled(colour)) ** CHAIN_POWER
    )


def _scaled(term: np.ndarray) -> np.ndarray:
    """Densities may be tiny: only their ratios count."""
    highest = term.max(axis=1, keepdims=True)
    return np.asarray(term / np.where(highest > 0, highest, 1.0))


def evidence(setting: Setting, links: Links) -> tuple[np.ndarray, ...]:
    """Size, place, neighbours and colour: how much each speaks for each kind, (n, kind)."""
    objects = setting.objects
    sizes = size_likelihood(
        objects.length, objects.width, objects.fill, objects.error_m, objects.cut
    )
    colour, place = _colour(setting), _relation(setting)
    prior = np.array([PRIOR[k] for k in KINDS])
    chain = chain_priors(objects, links, sizes * colour * place, prior)
    return sizes, place, chain, colour


def _relation(setting: Setting) -> np.ndarray:
    """Likelihood of how an object lies to tracks and roads, (n, kind)."""
    return np.asarray(_lying(setting) @ _shares().T)


def _shares() -> np.ndarray:
    """Share of each kind that stands on a track, on a road, on neither, (kind, 3)."""
    drawn = np.array([[ON_TRACK.get(k, 0.01), ON_ROAD.get(k, 0.01)] for k in KINDS])
    return np.column_stack([drawn, 1 - drawn.sum(axis=1)])


def _lying(setting: Setting) -> np.ndarray:
    """Likelihood of how an object lies if it is on a track, on a road, on neither, (n, 3).

    Each thing stands on a track, on a road, or on neither; for each of the three it is known how
    likely the distance and direction to the nearest given line are, or, where no lines are given,
    what the images show along the object.
    """
    objects = setting.objects
    n, e = len(objects), objects.error_m
    turn = np.hypot(4.0, np.degrees(2 * e / np.maximum(objects.length, 1.0)))
    on = np.ones((3, n)) if setting.seen is None else setting.seen.T.copy()
    ground = np.ones((3, n)) if setting.ground is None else setting.ground.T.copy()
    for k, relation in enumerate((setting.tracks, setting.roads)):
        if relation is not None:
            # of lines that were drawn the images need not tell
            on[k], ground[k] = on[2], ground[2]
    for k, relation, sigma in ((0, setting.tracks, LINE_M), (1, setting.roads, LANE_M)):
        if relation is not None:
            away = _afield(relation, turn)
            for state in range(3):
                here = state == k
                on[state] *= _along(relation, np.hypot(sigma, e / 2), turn) if here else away
    # the power is for what was seen and drawn, not for how many of a kind stand where
    on = (on / np.maximum(on.max(axis=0), 1e-300)) ** PLACE_POWER
    return np.asarray((on * ground).T)


def _along(relation: Relation, sigma_m: np.ndarray | float, turn: np.ndarray) -> np.ndarray:
    """Density of distance (metres) and angle (degrees) of things on a line."""
    return _half_normal(relation.distance, sigma_m) * _turned(relation.angle, turn)


def _afield(relation: Relation, turn: np.ndarray) -> np.ndarray:
    """Density of things that are not on the line: many still point the same way."""
    distance = np.where(np.isfinite(relation.distance), relation.distance, 0.0)
    near = np.exp(-np.minimum(distance, 20 * AFIELD_M) / AFIELD_M) / AFIELD_M
    return near * (0.5 * _turned(relation.angle, turn) + 0.5 / 90.0)


def _half_normal(x: np.ndarray, sigma: np.ndarray | float) -> np.ndarray:
    z = np.minimum(np.where(np.isfinite(x), x, 1e9) / sigma, 30.0)
    return np.asarray(np.exp(-0.5 * z * z) * np.sqrt(2 / np.pi) / sigma)


def _turned(angle: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Half-normal density of an angle; no preference where it is unknown."""
    return np.where(np.isfinite(angle), _half_normal(angle, sigma), 1.0 / 90.0)


def _colour(setting: Setting) -> np.ndarray:
    """Likelihood of what the vegetation and water indices say, (n, kind)."""
    n = len(setting.objects)
    out = np.ones((n, len(KINDS)))
    for index, threshold, natural in (
        (setting.vegetated, 0.35, "vegetation"),
        (setting.wet, 0.25, "water"),
    ):
        known = np.isfinite(index)
        certain = 1.0 / (1.0 + np.exp(-np.clip((np.nan_to_num(index) - threshold) / 0.05, -50, 50)))
        for k, kind in enumerate(KINDS):
            share = 0.95 if kind == natural else 0.3 if kind == "other" else 0.02
            out[:, k] *= np.where(known, share * certain + (1 - share) * (1 - certain), 1.0)
    return out


def colour_indices(
    appearance: Appearance | None, roles: tuple[str, ...], dates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vegetation index (red, nir) and water index (green, nir) of each object.

    At the date that holds it; of one that both dates hold, the larger. NaN without the bands.

    Parameters
    ----------
    appearance : Appearance or None
        Of the objects.
    roles : tuple of str
        One a band.
    dates : (n,) int array
        Which dates hold each object: 1 before, 2 after, 3 both.
    """
    out = []
    for other, sign in (("red", 1.0), ("green", -1.0)):
        index = np.full(len(dates), np.nan)
        if appearance is not None and "nir" in roles and other in roles:
            nir = appearance.inside[:, :, roles.index("nir")]
            with np.errstate(divide="ignore", invalid="ignore"):
                both = appearance.inside[:, :, roles.index(other)]
                both = sign * (nir - both) / (nir + both)
            held = np.stack([(dates & 1) > 0, (dates & 2) > 0]) & np.isfinite(both)
            index = np.where(held, both, -np.inf).max(axis=0)
            index = np.where(np.isfinite(index), index, np.nan)
        out.append(index)
    return out[0], out[1]
