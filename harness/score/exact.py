"""Bounds that hold where the bootstrap sees no variance: all-or-nothing outcomes and unseen records."""

from __future__ import annotations

from harness.errors import LeakboardError

__all__ = ["clopper_pearson", "exact_reach"]


def clopper_pearson(k: float, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Two-sided exact interval of a proportion at level 1 - alpha (Clopper and Pearson 1934).

    ``k`` of ``n`` outcomes were successes; ``k`` may be fractional (a mean of n cluster means, times n).
    Raises LeakboardError unless 0 <= k <= n, n >= 1 and 0 < alpha < 1.
    """
    from scipy.special import betaincinv

    if not (n >= 1 and 0 <= k <= n and 0 < alpha < 1):
        raise LeakboardError(
            f"clopper_pearson: k={k}, n={n}, alpha={alpha} is no proportion; give 0 <= k <= n, n >= 1, 0 < alpha < 1"
        )
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, alpha / 2))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - alpha / 2))
    return low, high


def exact_reach(mean: float, n: int, alpha: float, proportion: bool) -> tuple[float, float]:
    """Distances below and above ``mean`` of n clusters in [0, 1] at which the truth may lie, at level 1 - alpha.

    A proportion gets Clopper-Pearson. Any other bounded score gets the share of the population that n clusters
    may have missed altogether (the Clopper-Pearson bound of none in n), taken as 0 or as 1: for an all-zero or
    all-one entry both are the same, so the reach has no jump where a first record scores a little.
    """
    if proportion:
        low, high = clopper_pearson(min(mean * n, n), n, alpha)
        return max(mean - low, 0.0), max(high - mean, 0.0)
    missed = clopper_pearson(0, n, alpha)[1]
    return missed * mean, missed * (1.0 - mean)
