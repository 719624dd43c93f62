"""What a self-test says, in sentences made from its numbers and no more certain than they are."""

from __future__ import annotations

from changedet.model import DetectionRate, SelfTest
from changedet.reporting.markup import percent

USUAL = 0.4
"""Contrast of which the headline speaks, if it was planted: paint on concrete or ballast."""
USUAL_DB = 7.0
GOOD = 0.9


def contrast_text(test: SelfTest, contrast: float) -> str:
    """``40 %`` or ``7 dB``."""
    return f"{contrast:.3g} dB" if test.unit == "dB" else f"{contrast * 100:.3g} %"


def headline_contrast(test: SelfTest) -> float:
    """The contrast of the headline: the one nearest to a usual one."""
    usual = USUAL_DB if test.unit == "dB" else USUAL
    return min(test.contrasts, key=lambda c: (abs(c - usual), c))


def sentences(test: SelfTest) -> list[str]:
    """Everything worth saying, the most wanted first."""
    out = [_seen(test, one.name, headline_contrast(test)) for one in test.types]
    out = [s for s in out if s]
    out += [s for one in test.types if (s := _reach(test, one.name))]
    out.append(_false(test))
    missed = ", ".join(f"{n} {reason}" for reason, n in test.missed_by.items())
    if missed:
        out.append(f"Of {len(test.targets)} targets {sum(test.missed_by.values())} were missed: "
                   f"{missed}.")  # fmt: skip
    direction = test.direction_right
    if direction.probability is not None:
        out.append(
            f"Of those seen {_whole(direction.probability)} were said to have appeared, as they "
            "did."
        )
    return [*out, *test.cannot_tell]


def _a(name: str) -> str:
    """A name with its article; numbers are read aloud."""
    first = name.split()[0]
    return f"{'an' if first in ('8', '11', '18') or first[:2] in ('8.', '80') else 'a'} {name}"


def _whole(share: float | None) -> str:
    """Per cent without decimals, unless that would make nearly all to all."""
    if share is None or 0 < share < 0.01 or 0.99 < share < 1:
        return percent(share)
    return f"{share * 100:.0f} %"


def _interval(rate: DetectionRate) -> str:
    return f"{rate.seen} of {rate.planted}, 95 % interval {_whole(rate.low)} to {_whole(rate.high)}"


def _seen(test: SelfTest, name: str, contrast: float) -> str:
    rate = test.rate(name, contrast)
    if rate.probability is None:
        return ""
    if test.unit == "dB":
        of = f"that is {contrast_text(test, contrast)} brighter than its ground"
    else:
        of = f"that differs from its ground by {contrast_text(test, contrast)}"
    often = f"{_whole(rate.probability)} of the time"
    return (
        f"At this site with these two images {_a(name)} {of} is seen {often} ({_interval(rate)})."
    )


def _reach(test: SelfTest, name: str) -> str:
    """From which contrast on nine of ten are seen."""
    curve = next((c for c in test.curves if c.type == name), None)
    if curve is not None and curve.contrast_of_90 is not None:
        at = contrast_text(test, curve.contrast_of_90)
        who = _a(name).capitalize()
        return f"{who} is seen nine times out of ten from a contrast of about {at} on."
    rates = [r for r in (test.rate(name, c) for c in test.contrasts) if r.planted]
    if len(rates) < len(test.contrasts):
        return ""
    surely = test.rate(name).low or 0.0
    if all((r.probability or 0) >= GOOD for r in rates) and surely >= GOOD:
        least = contrast_text(test, test.contrasts[0])
        return f"{_a(name).capitalize()} is seen nine times out of ten at every contrast tried, " \
               f"from {least} on."  # fmt: skip
    return ""


def _false(test: SelfTest) -> str:
    found = f"{test.found} unexplained object{'s' * (test.found != 1)}"
    if test.observed_km2 is None or test.found_per_km2 is None:
        return (
            f"Without targets {found} were found; real changes are among them. Without metres "
            "there is no rate of false objects."
        )
    start = ""
    if test.expected_false_per_km2 is not None:
        start = (
            f"Where nothing changed {test.expected_false_per_km2:.3g} false objects per km2 are "
            "expected. "
        )
    return (
        f"{start}Without targets {found} {'was' if test.found == 1 else 'were'} found on "
        f"{test.observed_km2:.3g} km2 ({test.found_per_km2:.3g} per km2); real changes are among "
        "them, so the rate of false ones is at most that."
    )
