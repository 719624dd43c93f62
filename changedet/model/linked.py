"""Two series that may go together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class LaggedCorrelation:
    """How two series go together at each lag."""

    lags_days: tuple[float, ...]
    """Positive: the second follows the first."""
    correlation: tuple[float | None, ...]
    """Rank correlation at each lag; None with too few pairs of dates."""
    pairs: tuple[int, ...]
    """Pairs of dates behind each."""
    best_lag_days: float | None
    """Lag at which they go together most; None where no lag has enough dates."""
    best_correlation: float | None
    """Correlation there."""
    p_value: float | None
    """How often chance finds as good a lag among all of them."""
    detrended: bool
    """Whether a line was taken out of both first."""
    permutations: int
    """Shuffles behind the p-value."""
    seed: int
    """Of the shuffles."""
    names: tuple[str, str] = ("a", "b")
    """The two series."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def __str__(self) -> str:
        first, second = self.names
        if self.best_correlation is None:
            return f"{first} and {second}: too few dates in common at any lag"
        lag = self.best_lag_days or 0.0
        order = "on the same days"
        if lag:
            order = f"{second} {'after' if lag > 0 else 'before'} {first} by {abs(lag):g} days"
        return (
            f"{first} and {second}: rank correlation {self.best_correlation:+.2f}, {order}, "
            f"p {self.p_value:.2g} over {len(self.lags_days)} lags"
        )
