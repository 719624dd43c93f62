"""What can be known of moves at best: run as ``python tests/benchmarks/moves_limit.py``.

Paints are few, and light is never quite known: many moved things are truly ambiguous. Here an
oracle is given what no program has: perfect outlines and kinds, which wagons are one cut, the true
paint of every thing along its length as the simulator laid it on (in the arriving place), and the
exact distribution of what light, shade, haze and noise do to it. Of the departing place it sees
that paint with an error drawn from things that did not move, of the same sort, in images of the
same sort. It then claims pairs by their posterior probability, with the threshold at which its
precision is just 0.9, chosen in hindsight. No method can be expected to find more.
"""

from __future__ import annotations

import argparse
from types import SimpleNamespace
from typing import Any

import numpy as np
import shapely
from detection import YARD
from ideal_objects import ScenePair, ideal_objects

from changedet.activity.things.placing import place_objects
from changedet.activity.things.profiling import ENDS, STATIONS, sample_profiles
from changedet.simulation import Scene, SceneOptions, simulate
from changedet.simulation.bodies import Body, Item
from changedet.simulation.materials import MATERIALS
from changedet.simulation.scene import lay_out
from changedet.simulation.settled import settle

ASKED = 0.9
SORTS = {"railcar": "wagon", "container": "container", "container_stack": "container"}
DRAWS = 10
MANY = 4000
PARTS = 5
Look = np.ndarray
"""(STATIONS + 4,): logarithm of brightness at each station, and of the mean of each band."""


def features(profile: np.ndarray) -> Look:
    """Look of profiles (..., station, band) of brightness."""
    logs = np.log(np.maximum(profile, 1e-3))
    return np.concatenate([logs.mean(axis=-1), logs.mean(axis=-2)], axis=-1)


def paint(body: Body) -> np.ndarray:
    """Reflectance of the paint itself from end to end, (station, band)."""
    ring = np.asarray(body.outline)
    a, b = ring[1] - ring[0], ring[2] - ring[1]
    a = a if np.hypot(*a) >= np.hypot(*b) else b
    # one way round for every thing, so that a moved one is read as it was
    a = a * (1 if a[0] > 0 else -1)
    at = ((np.arange(STATIONS) + 0.5) / STATIONS - 0.5) * ENDS
    points = ring.mean(axis=0) + at[:, None] * a + 0.15 * np.array([-a[1], a[0]]) / np.hypot(*a)
    value = np.full((STATIONS, 4), 0.05)
    for part in body.parts:
        inside = shapely.contains_xy(shapely.Polygon(part.outline), *points.T)
        value[inside] = np.array(MATERIALS[part.material].dry[:4]) * part.shade
    return value


def errors(scene: Scene, items: list[Item]) -> dict[str, list[tuple[int, Look]]]:
    """What light, shade, haze and noise did to the looks of things, at each date.

    Of all things whose paint is known, changed or not; haze and gain, which are common to all of a
    date, are taken out by a straight line through reflectance and what was seen, by band.
    """
    out: dict[str, list[tuple[int, Look]]] = {"wagon": [], "container": []}
    found = []
    for date in (0, 1):
        there = [o for o in scene.truth.objects if (o.before, o.after)[date] and o.kind in SORTS]
        fake: Any = SimpleNamespace(
            truth=SimpleNamespace(grid=scene.truth.grid, changed=there),
            before=scene.before, after=scene.after,
        )  # fmt: skip
        table, _ = ideal_objects(fake, 0.0)
        objects = place_objects(table, scene.truth.grid, 1.0)
        seen = sample_profiles(objects, ScenePair(scene))[date]
        bodies = [b for i in items if (b := (i.before, i.after)[date]) and b.kind in SORTS]
        middle = np.array([np.asarray(b.outline).mean(axis=0) for b in bodies])
        points = scene.truth.site.to_crs(scene.truth.grid.crs, *middle.T)
        near = shapely.STRtree(shapely.points(*points)).nearest(
            shapely.centroid([o.geometry for o in there])
        )
        true = np.array([paint(bodies[k]) for k in near])
        # stations run one way round for every thing
        seen = np.where(objects.along[:, 0, None, None] < 0, seen[:, ::-1], seen)
        for band in range(true.shape[-1]):
            x, y = true[..., band].mean(axis=1), seen[..., band].mean(axis=1)
            use = np.isfinite(y)
            for _ in range(5):
                gain, offset = np.polyfit(x[use], y[use], 1)
                left = np.abs(y - offset - gain * x)
                use = left < 2 * np.nanmedian(left)
            true[..., band] = offset + gain * true[..., band]
        found.append((there, features(seen) - features(true)))
    for date, (there, error) in enumerate(found):
        for o, e in zip(there, error, strict=True):
            if np.isfinite(e).all():
                out[SORTS[o.kind]].append((date, e))
    return out


class Noise:
    """How the looks of one thing at two places and dates differ."""

    def __init__(self, errors: list[tuple[int, Look]], rng: np.random.Generator) -> None:
        old, new = (np.array([e for date, e in errors if date == d]) for d in (0, 1))
        # light and shade of the two places have nothing to do with each other
        pick = rng.integers(len(old), size=MANY), rng.integers(len(new), size=MANY)
        self.steps = old[pick[0]] - new[pick[1]]
        # lit and shaded, or not, at either date: a mixture of normal distributions, by EM
        count, size = self.steps.shape
        order = np.argsort(self.steps[:, STATIONS:].mean(axis=1))
        share = np.zeros((count, PARTS))
        share[order, np.arange(count) * PARTS // count] = 1.0
        for _ in range(60):
            total = share.sum(axis=0)
            self.weight = total / count
            self.middle = share.T @ self.steps / total[:, None]
            z = self.steps[:, None] - self.middle
            spread = np.einsum("nk,nki,nkj->kij", share, z, z) / total[:, None, None]
            spread = spread + 0.01**2 * np.eye(size)
            self.inverse, self.volume = np.linalg.inv(spread), np.linalg.slogdet(spread)[1]
            parts = self._parts(self.steps)
            share = np.exp(parts - np.logaddexp.reduce(parts, axis=1)[:, None])

    def _parts(self, step: np.ndarray) -> np.ndarray:
        z = step[..., None, :] - self.middle
        distance = np.einsum("...ki,kij,...kj->...k", z, self.inverse, z)
        return np.asarray(np.log(self.weight) - 0.5 * (distance + self.volume))

    def log_density(self, step: np.ndarray) -> np.ndarray:
        """Up to a constant, of differences (..., look)."""
        return np.asarray(np.logaddexp.reduce(self._parts(step), axis=-1))


def cuts(items: list[Item], there: str) -> list[tuple[Any, str, np.ndarray]]:
    """Things that left or came, wagons of one cut together: who, sort, looks (member, look)."""
    out: dict[Any, list[tuple[Item, Look]]] = {}
    for item in items:
        gone = item.after is None
        if item.change == "unchanged" or (item.before is None) == gone or gone != (there == "old"):
            continue
        body = item.body
        if body.kind in SORTS:
            one = SORTS[body.kind] == "container"
            key = id(item) if one else (item.group, item.track, item.change)
            out.setdefault(key, []).append((item, features(paint(body))))
    return [
        (tuple(i.key for i, _ in members), SORTS[members[0][0].body.kind],
         np.array([look for _, look in members]))
        for members in out.values()
    ]  # fmt: skip


def claims(seeds: range) -> dict[str, list[tuple[float, int, int]]]:
    """Of each possible pair: its posterior probability, things in it, right ones; true number."""
    steps: dict[str, list[tuple[int, Look]]] = {"wagon": [], "container": []}
    yards = []
    for seed in seeds:
        settings = {**YARD, "gsd_before": 0.5, "change_fraction": 0.3}
        options = SceneOptions().replace(**settings)
        layout = lay_out(seed, settle("railyard", options), options)
        for sort, more in errors(simulate("railyard", seed, options), layout.items).items():
            steps[sort] += more
        yards.append([cuts(layout.items, t) for t in ("old", "new")])
    rng = np.random.default_rng(0)
    noise = {sort: Noise(more, rng) for sort, more in steps.items()}
    known = {
        sort: np.concatenate([c[2] for yard in yards for d in yard for c in d if c[1] == sort])
        for sort in noise
    }
    out: dict[str, list[tuple[float, int, int]]] = {"wagon": [], "container": [], "true": []}
    for _ in range(DRAWS):
        for old, new in yards:
            for keys, sort, looks in old:
                drawn = noise[sort].steps[rng.integers(len(noise[sort].steps), size=len(looks))]
                seen = looks + drawn
                rivals = [c for c in new if c[1] == sort and len(c[0]) == len(keys)]
                # of a thing drawn from all of its sort
                usual = noise[sort].log_density(seen[:, None] - known[sort])
                usual = np.logaddexp.reduce(usual, axis=1) - np.log(len(known[sort]))
                odds = np.array(
                    [(noise[sort].log_density(seen - c[2]) - usual).sum() for c in rivals]
                )
                total = [len(c[0]) for c in old if c[1] == sort and c[0][0] is not None]
                share = max(len(total), 1) / max(sum(c[1] == sort for c in old), 1)
                weight = np.exp(np.clip(odds, -50, 50)) * share / max(1.02 - share, 0.02)
                weight = weight / max(len(rivals), 1)
                out["true"].append((0.0, len(keys) if keys[0] is not None else 0, sort == "wagon"))
                if len(rivals):
                    best = int(weight.argmax())
                    good = keys == rivals[best][0] and keys[0] is not None
                    out[sort].append((weight[best] / (1 + weight.sum()), len(keys), good))
    return out


def main() -> None:
    """Print the limits."""
    parser = argparse.ArgumentParser(description="What can be known of moves at best.")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    given = parser.parse_args()
    found = claims(range(given.first, given.first + given.seeds))
    for what, sorts in (("all", ("wagon", "container")), ("wagons", ("wagon",)),
                        ("containers", ("container",))):  # fmt: skip
        rows = np.array(sorted((c for s in sorts for c in found[s]), reverse=True), dtype=float)
        right, said = np.cumsum(rows[:, 1] * rows[:, 2]), np.cumsum(rows[:, 1])
        true = sum(n for _, n, rail in found["true"] if ("wagon" if rail else "container") in sorts)
        good = np.flatnonzero(right / said >= ASKED)
        recall = right[good[-1]] / true if len(good) else 0.0
        print(f"{what}: recall at precision {ASKED:g}: {recall:.3f} of {true / DRAWS:.0f} moves")


if __name__ == "__main__":
    main()
