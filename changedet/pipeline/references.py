"""A null from images in which nothing out of the ordinary happened: a reference pair, or a history.

Each such pair goes through the very steps of the pair at hand: alignment, detector, objects, what
explains them. What is found in it is what quiet ground looks like at this site.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from changedet.config import Config
from changedet.differencing import (
    CANDIDATE,
    Detection,
    Likeness,
    NullModel,
    ObjectNull,
    Source,
    fit_detection,
    from_reference,
    made_like,
    quiet_pairs,
    reference_null,
    weak_ratio,
)
from changedet.errors import CalibrationWarning, ConfigError
from changedet.loading import AlignedPair, list_images, open_source
from changedet.model import ImageInfo
from changedet.pipeline.opening import align_pair, open_pair, require_comparable
from changedet.pipeline.running import Running
from changedet.pipeline.steps import context_of, outline_objects, score_pixels


@dataclass(frozen=True, eq=False)
class References:
    """Pairs of images in which nothing out of the ordinary happened."""

    source: Source
    """What they are."""
    pairs: tuple[tuple[Any, Any], ...]
    """Before and after of each."""


def gather(
    before: Any, reference_before: Any, reference_after: Any, history: Any, config: Config
) -> References | None:
    """Put together what the user gave as quiet pairs; None where nothing was given.

    Parameters
    ----------
    before : image
        The before image of the pair at hand, which closes a history.
    reference_before, reference_after : image or list of images, or None
        As many of the one as of the other.
    history : folder, text file with one path a line, or list of images, or None
        At least one image; each is compared with the next in time, the last with ``before``.

    Raises
    ------
    ConfigError
        If they do not fit together.
    """
    given = _list(reference_before), _list(reference_after)
    if history is not None and (given[0] or given[1]):
        raise ConfigError(
            "Both a reference pair and a history were given; each is a null by itself: give one."
        )
    if history is not None:
        images = [*_in_order([e.source for e in list_images(history)], config), before]
        return References("history", tuple(pairwise(images)))
    if len(given[0]) != len(given[1]):
        raise ConfigError(
            f"{len(given[0])} reference images before and {len(given[1])} after were given: give "
            "as many of the one as of the other (--reference-before, --reference-after)."
        )
    return References("reference", tuple(zip(*given, strict=True))) if given[0] else None


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _in_order(images: Sequence[Any], config: Config) -> list[Any]:
    """By time where all times are known, otherwise as given."""
    times = [open_source(image, domain=config.domain).info.acquired for image in images]
    if any(t is None for t in times):
        return list(images)
    order = sorted(range(len(images)), key=lambda i: (times[i], i))
    return [images[i] for i in order]


def judge_by(
    references: References, detection: Detection, pair: AlignedPair, config: Config, run: Running
) -> tuple[Detection, list[dict[str, Any]]]:
    """Judge a pair by what quiet pairs show.

    Parameters
    ----------
    references : References
        From :func:`gather`.
    detection : Detection
        Fitted on the pair at hand.
    pair : AlignedPair
        The pair at hand.
    config : Config
        Of the run; bands and method are those of the pair at hand.
    run : Running
        How tiles are run.

    Returns
    -------
    detection : Detection
        The same detector with the null of the quiet pairs, or with its own where they say nothing
        about this pair.
    inputs : list of dict
        What the images were, for the manifest.

    Warns
    -----
    CalibrationWarning
        If the quiet pairs are unlike the pair at hand.
    """
    method = detection.detector.name if config.method == "auto" else config.method
    quiet = config.replace(
        method=method, bands=pair.roles, fdr=None, false_alarms_per_km2=None,
        sun_before=None, sun_after=None,
    )  # fmt: skip
    fitted: list[tuple[AlignedPair, Detection]] = []
    inputs: list[dict[str, Any]] = []
    for one, infos in _opened(references, quiet, run):
        fitted.append((one, fit_detection(one, context_of(one, infos, quiet), quiet)))
        inputs += _described(one, infos)
    judged = judged_like(detection, fitted, references.source, quiet, run)
    _tell_unlike(judged.likeness)
    if judged.null.source == "pair":
        return judged, inputs
    return judged.judged_by(judged.null, judged.objects, pair.grid, config), inputs


def judged_like(
    detection: Detection,
    fitted: Sequence[tuple[AlignedPair, Detection]],
    source: Source,
    config: Config,
    run: Running,
) -> Detection:
    """Give a pair the nulls of fitted quiet pairs, made as wide as its own bulk.

    Where its ground is too restless for them it keeps its own. The threshold stays what it was.
    """
    null = pixel_null(fitted, source)
    counts = [(d.weak, d.sample.pixels) for d in (detection, *(one for _, one in fitted))]
    sample = detection.sample
    wide, likeness = made_like(
        null, sample.statistic, sample.strata, weak_ratio(counts[0], counts[1:])
    )
    if likeness.restless:
        return replace(detection, likeness=likeness)
    # the references' own candidates by their own null: what its stretched twin finds in the pair
    # compares with them
    peaks, observed = quiet_peaks(fitted, null, config, run)
    objects = from_reference(peaks, observed, source, expected_objects(fitted))
    return replace(detection, null=wide, objects=objects, likeness=likeness)


def _tell_unlike(likeness: Likeness | None) -> None:
    """Warn where the quiet pairs do not resemble the pair at hand."""
    if likeness is None or not (likeness.restless or likeness.notable):
        return
    what = "history" if likeness.source == "history" else "reference"
    advice = (
        f"Give a {what} with pairs of like season, sun and haze, or more of them, so that one is "
        "as restless as this pair."
    )
    if likeness.restless:
        said = (
            f"The {what} is too calm for this pair, which has {likeness.weak_ratio:.1f} times as "
            "many weak candidates on the same ground: season, sun or haze of this pair, or much "
            f"faint change. The {what} is not used; the pair is judged by itself, as if no {what} "
            "had been given. "
        )
    else:
        said = (
            f"What did not change differs {likeness.stretch:.2f} times as much in this pair as in "
            f"the {what}: season, sun or haze are more unlike, or most of the scene changed a "
            f"little. The null of the {what} was made as wide as this pair, so that its quiet "
            "ground is not taken for change; faint changes may be missed. "
        )
    warnings.warn(said + advice, CalibrationWarning, stacklevel=3)


def pixel_null(fitted: Sequence[tuple[AlignedPair, Detection]], source: Source) -> NullModel:
    """Distribution of the statistic in pairs in which nothing changed."""
    samples = [d.sample for _, d in fitted]
    _, first = fitted[0]
    known = quiet_pairs(first.detector, first.context, first.sample.shade_px)
    return reference_null(
        [b for s in samples for b in s.statistic], [b for s in samples for b in s.strata],
        source, None if known is None else known.tails,
    )  # fmt: skip


def quiet_peaks(
    fitted: Sequence[tuple[AlignedPair, Detection]], null: NullModel, config: Config, run: Running
) -> tuple[np.ndarray, int]:
    """Peaks of the candidates in pairs by one null of pixels, and the observed pixels."""
    peaks, observed = [], 0
    for pair, detection in fitted:
        everything = replace(detection.threshold, seed=CANDIDATE, support=CANDIDATE)
        wide = replace(detection, null=null, threshold=everything)
        score_map = score_pixels(pair, wide, config, run)
        table = outline_objects(score_map, config, run, refined=False)[0].table
        peaks.append(table["score"][~table.explained])
        observed += score_map.observed_pixels
    return np.concatenate(peaks), observed


def expected_objects(fitted: Sequence[tuple[AlignedPair, Detection]]) -> ObjectNull | None:
    """What quiet pairs of this kind let expect of these, by the weak candidates of each."""
    _, first = fitted[0]
    if quiet_pairs(first.detector, first.context, first.sample.shade_px) is None:
        return None
    per_mpx = float(np.mean([d.objects.per_mpx for _, d in fitted]))
    return replace(first.objects, per_mpx=per_mpx)


def _described(pair: AlignedPair, infos: tuple[ImageInfo, ImageInfo]) -> list[dict[str, Any]]:
    return [
        replace(i, sha256=i.sha256 or s.sha256()).describe()
        for i, s in zip(infos, pair.sources, strict=True)
    ]


def _opened(
    references: References, config: Config, run: Running
) -> Iterator[tuple[AlignedPair, tuple[ImageInfo, ImageInfo]]]:
    for before, after in references.pairs:
        pair, infos, comparability, _ = open_pair(before, after, config)
        require_comparable(comparability, infos)
        yield align_pair(pair, config, run.tell), infos
