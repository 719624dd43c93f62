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

from changedet.activity.looking import look_of
from changedet.activity.placing import place_objects
from changedet.activity.profiling import ENDS, STATIONS
from changedet.differencing import fit_radiometry
from changedet.simulation import Scene, SceneOptions, simulate
from changedet.simulation.bodies import Body, Item
from changedet.simulation.materials import MATERIALS
from changedet.simulation.scene import lay_out
from changedet.simulation.settled import settle

ASKED = 0.9
SORTS = {"railcar": "wagon", "container": "container", "container_stack": "container"}
DRAWS = 10
TAIL = 4.0
Look = np.ndarray
"""(STATIONS + 4,): logarithm of brightness at each station, and of the mean of each band."""


def features(profile: np.ndarray) -> Look:
    """Look of a profile (station, band) of reflectance or of digital numbers."""
    logs = np.log(np.maximum(profile, 1e-3))
    return np.concatenate([logs.mean(axis=1), logs.mean(axis=0)])


def true_look(body: Body) -> Look:
    """Look of the paint itself, from end to end."""
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
    return features(value)


def errors(scene: Scene) -> dict[str, list[Look]]:
    """Differences of the looks of things that stayed, between the dates."""
    stayed = [o for o in scene.truth.objects if o.change == "unchanged" and o.kind in SORTS]
    fake: Any = SimpleNamespace(
        truth=SimpleNamespace(grid=scene.truth.grid, changed=stayed),
        before=scene.before, after=scene.after,
    )  # fmt: skip
    table, appearance = ideal_objects(fake, 0.0)
    objects = place_objects(table, scene.truth.grid, 1.0)
    flat = [im.pixels.reshape(len(im.roles), -1)[:, ::7] for im in (scene.before, scene.after)]
    radiometry = fit_radiometry(flat[0], flat[1], scene.before.roles)
    kinds = np.array([o.kind for o in stayed], dtype=object)
    looks = []
    for date in (1, 2):
        objects.dates[:] = date
        seen = look_of(objects, kinds, appearance, radiometry, ScenePair(scene))
        looks.append(seen.profile * appearance.scale[1])
    out: dict[str, list[Look]] = {"wagon": [], "container": []}
    for o, before, after in zip(stayed, *looks, strict=True):
        step = features(before) - features(after)
        if np.isfinite(step).all():
            out[SORTS[o.kind]].append(step)
    return out


class Noise:
    """How looks differ between the dates: a heavy-tailed distribution around what is usual."""

    def __init__(self, steps: list[Look]) -> None:
        self.steps = np.array(steps)
        self.middle = np.median(self.steps, axis=0)
        centred = self.steps - self.middle
        far = (centred / (1.48 * np.median(np.abs(centred), axis=0) + 0.01)) ** 2
        calm = centred[far.mean(axis=1) < 4]
        self.inverse = np.linalg.inv(np.cov(calm.T) + 0.01**2 * np.eye(calm.shape[1]))

    def log_density(self, step: np.ndarray) -> np.ndarray:
        """Up to a constant, of differences (..., look)."""
        z = step - self.middle
        distance = np.einsum("...i,ij,...j->...", z, self.inverse, z)
        return np.asarray(-0.5 * (TAIL + z.shape[-1]) * np.log1p(distance / TAIL))


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
            out.setdefault(key, []).append((item, true_look(body)))
    return [
        (tuple(i.key for i, _ in members), SORTS[members[0][0].body.kind],
         np.array([look for _, look in members]))
        for members in out.values()
    ]  # fmt: skip


def claims(seeds: range) -> dict[str, list[tuple[float, int, int]]]:
    """Of each possible pair: its posterior probability, things in it, right ones; true number."""
    steps: dict[str, list[Look]] = {"wagon": [], "container": []}
    yards = []
    for seed in seeds:
        settings = {**YARD, "gsd_before": 0.5, "change_fraction": 0.3}
        for sort, more in errors(simulate("railyard", seed, **settings)).items():
            steps[sort] += more
        options = SceneOptions().replace(**settings)
        layout = lay_out(seed, settle("railyard", options), options)
        yards.append([cuts(layout.items, t) for t in ("old", "new")])
    noise = {sort: Noise(more) for sort, more in steps.items()}
    known = {
        sort: np.concatenate([c[2] for yard in yards for d in yard for c in d if c[1] == sort])
        for sort in noise
    }
    out: dict[str, list[tuple[float, int, int]]] = {"wagon": [], "container": [], "true": []}
    rng = np.random.default_rng(0)
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
        rows = np.array(sorted(sum((found[s] for s in sorts), []), reverse=True), dtype=float)
        right, said = np.cumsum(rows[:, 1] * rows[:, 2]), np.cumsum(rows[:, 1])
        true = sum(n for _, n, rail in found["true"] if ("wagon" if rail else "container") in sorts)
        good = np.flatnonzero(right / said >= ASKED)
        recall = right[good[-1]] / true if len(good) else 0.0
        print(f"{what}: recall at precision {ASKED:g}: {recall:.3f} of {true / DRAWS:.0f} moves")


if __name__ == "__main__":
    main()
