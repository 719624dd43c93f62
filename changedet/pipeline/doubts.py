"""Which tracks of a history were read with doubts, and on how many dates."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence

from changedet.errors import HistoryWarning
from changedet.model import Observation
from changedet.model.tracks import IN_DOUBT

TRACKS = 5
"""So many tracks are named."""


def tell_of_doubts(observations: Sequence[Observation]) -> None:
    """Warn of tracks whose numbers may be wrong by more than their intervals.

    Warns
    -----
    HistoryWarning
        Once, with the reason that was given most often.
    """
    dates: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for row in (row for one in observations for row in one.tracks):
        doubts = [str(n) for n in row.get("notes") or () if str(n).startswith(IN_DOUBT)]
        if doubts:
            dates[str(row["id"])] += 1
            reasons[doubts[0].removeprefix(IN_DOUBT)] += 1
    if not dates:
        return
    compared = sum(bool(one.tracks) for one in observations)
    named = ", ".join(f"{track} ({count})" for track, count in dates.most_common(TRACKS))
    more = f" and {len(dates) - TRACKS} more" if len(dates) > TRACKS else ""
    warnings.warn(
        f"Numbers of tracks are in doubt on some of {compared} dates: {named}{more}. Most often: "
        f"{reasons.most_common(1)[0][0]}.",
        HistoryWarning,
        stacklevel=3,
    )
