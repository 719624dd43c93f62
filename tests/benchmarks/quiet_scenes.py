"""Simulated pairs in which nothing changed: other season, sun, haze and geolocation."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np

import changedet as cd
from changedet.config import Config
from changedet.differencing import CANDIDATE, Detection, fit_detection
from changedet.model import ChangeTable, Grid
from changedet.pipeline.opening import align_pair, open_pair
from changedet.pipeline.running import Running, at_work
from changedet.pipeline.steps import context_of, outline_objects, score_pixels
from changedet.simulation import Scene, simulate

KINDS = (
    "fine", "medium", "radar", "picture", "one band", "metres", "unnamed", "panchromatic",
)  # fmt: skip
"""Optical at 0.5 m, optical at 10 m, radar at 10 m, three bands at 0.5 m of which nothing is known,
one band at 0.5 m of which the sun is not, optical at 2 to 3 m, four bands at 0.5 m without names,
and one band at 0.5 m."""
SITES = ("railyard", "town", "fields")
"""Sites whose pixels show single houses or less: each third seed has one of them."""
PIXEL_M = {"medium": 10.0, "radar": 10.0, "metres": 2.5}
"""Size of a pixel where it is not 0.5 m: shifts are multiples of it."""
SIDE_M = {"metres": 1600.0}
"""Side of a town or fields, metres, where it is not 800."""
DOMAINS = ("sar-amplitude", "sar-intensity", "sar-db")
LOOKS = (1.0, 4.0, 8.0)


def scene(kind: str, seed: int, visit: int = 0, **changes: Any) -> Scene:
    """One pair; a seed always gives the same one. ``changes`` override what the seed chose.

    Another visit shows the same site on two other days of like season and light, as one would
    choose a reference: noise, weathering and misregistration are others.
    """
    random = np.random.default_rng([seed, KINDS.index(kind)])
    other = np.random.default_rng([seed, KINDS.index(kind), visit])

    def between(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    options: dict[str, Any] = {
        "change_fraction": 0.0,
        "imaging_seed": 50_000 + 1_000_000 * visit + seed,
        "season_before": between(0.3, 0.8),
        "season_after": between(0.3, 0.8),
        "sun_before": (between(130, 170), between(38, 52)),
        "sun_after": (between(140, 190), between(35, 50)),
        "haze_before": between(0.0, 0.4),
        "haze_after": between(0.0, 0.6),
        "gain_after": between(0.9, 1.1),
        "blur_after": between(0.4, 0.6),
    }
    if visit:
        for name in ("season_before", "season_after"):
            options[name] = float(np.clip(options[name] + other.normal(0.0, 0.03), 0.0, 1.0))
        for name in ("sun_before", "sun_after"):
            options[name] = tuple(float(v + other.normal(0.0, 2.0)) for v in options[name])
        random = other
    pixel = PIXEL_M.get(kind, 0.5)
    reach = 3.0 if pixel < 1.0 else 1.2
    options["shift_m"] = (pixel * between(-reach, reach), pixel * between(-reach, reach))
    if kind not in ("medium", "radar"):
        site, side = SITES[seed % 3], SIDE_M.get(kind, 800.0)
        options["gsd_before"] = between(2.0, 3.0) if kind == "metres" else pixel
        options["bands"] = 4
        if site != "railyard":
            options["size_m"] = (side, side)
        return simulate(site, seed, **{**options, **changes})
    if kind == "medium":
        site = "town" if seed % 2 else "fields"
        return simulate(site, seed, gsd_before=10.0, bands=6, **{**options, **changes})
    for name in ("sun_before", "sun_after", "haze_before", "haze_after", "blur_after"):
        del options[name]
    options |= {
        "looks": LOOKS[seed % 3],
        "domain": DOMAINS[(seed // 3) % 3],
        "site": "town" if seed % 2 else "fields",
        "bands": 1 + (seed // 2) % 2,
    }
    return simulate("sar", seed, **{**options, **changes})


def settings(kind: str, scene: Scene) -> dict[str, Any]:
    """What an image in memory cannot tell."""
    if kind == "radar":
        return {"domain": scene.options.domain}
    if kind in ("picture", "one band"):
        return {}
    return {"sun_before": scene.options.sun_before, "sun_after": scene.options.sun_after}


def images(kind: str, one: Scene) -> tuple[Any, ...]:
    """Before and after; of a picture only three bands, without its place."""
    if kind == "picture":
        return tuple((i.pixels[:3], Grid.pixels(*i.grid.shape)) for i in (one.before, one.after))
    if kind == "unnamed":
        return tuple((i.pixels, i.grid) for i in (one.before, one.after))
    if kind in ("one band", "panchromatic"):
        return tuple(
            (i.pixels.mean(axis=0, keepdims=True), i.grid) for i in (one.before, one.after)
        )
    return one.before, one.after


def fitted(kind: str, one: Scene, method: str = "auto") -> tuple[Any, Detection, Config]:
    """The aligned pair with its detection; where a scene cannot be aligned, as it lies."""

    def attempt(**given: Any) -> tuple[Any, Detection, Config]:
        config = Config(method=method, false_alarms_per_km2=2.0, **given)
        pair, infos, _, _ = open_pair(*images(kind, one), config)
        pair = align_pair(pair, config, lambda event: None)
        return pair, fit_detection(pair, context_of(pair, infos, config), config), config

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return attempt(**settings(kind, one))
        except cd.AlignmentRefused:
            return attempt(**settings(kind, one), align=False)


def candidates(pair: Any, detection: Detection, config: Config) -> tuple[ChangeTable, int]:
    """Every candidate, explained or not, and the observed pixels."""
    low = replace(detection.threshold, seed=CANDIDATE, support=CANDIDATE)
    run = Running(config, "threads", lambda event: None)
    with at_work():
        score_map = score_pixels(pair, replace(detection, threshold=low), config, run)
        return outline_objects(score_map, config, run, refined=False)[
            0
        ].table, score_map.observed_pixels
