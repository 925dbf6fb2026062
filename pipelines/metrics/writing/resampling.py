"""Figures of several systems over the same resamples of their examples (Koehn 2004).

n examples · R resamples
"""

from collections.abc import Callable, Mapping

import numpy as np


class Resampled:
    """A figure of one system or several, over resamples of their n examples.

    All systems are resampled alike, so that differences are paired.

    Args:
        parts: by name, what the figure is made of, (n, …): a row for each example.
        figure: rows (n, …) → the figure.
        samples: R.
        seed: seed of the resamples.
    """

    def __init__(
        self,
        parts: Mapping[str, np.ndarray],
        figure: Callable[[np.ndarray], float],
        *,
        samples: int = 1000,
        seed: int = 0,
    ) -> None:
        draw = np.random.default_rng(seed)
        count = len(next(iter(parts.values())))
        chosen = [draw.integers(count, size=count) for _ in range(samples)]
        #: by name, the figure of each system
        self.values = {name: figure(rows) for name, rows in parts.items()}
        self._resampled = {
            name: np.array([figure(rows[some]) for some in chosen]) for name, rows in parts.items()
        }

    def interval(self, name: str) -> tuple[float, float]:
        """Compute the 95 % interval of a system's figure."""
        return _interval(self._resampled[name])

    def difference(self, first: str, second: str) -> tuple[float, float, float]:
        """Compute the difference between two systems, and its 95 % interval."""
        low, high = _interval(self._resampled[first] - self._resampled[second])
        return self.values[first] - self.values[second], low, high

    def p_value(self, first: str, second: str) -> float:
        """Estimate how probable a difference of either sign is by chance: twice the rarer sign's share.

        It is at least twice 1 / (resamples + 1), below which nothing is known.
        """
        gaps = self._resampled[first] - self._resampled[second]
        rarer = min((gaps <= 0).sum(), (gaps >= 0).sum())
        return min(2 * (int(rarer) + 1) / (len(gaps) + 1), 1.0)


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
