"""Compiled loops behind the live scan: gates and funnel, the best of the survivors, percentiles."""

import numpy as np

from core.model.market import Flags, Floats
from core.quant.kernel_scan import Ints, exactly


@exactly
def holds(value: float, comparison: int, limit: float) -> bool:
    """Compare; the codes stand in `core.quant.recursions.COMPARISONS`."""
    if comparison == 0:
        return value >= limit
    if comparison == 1:
        return value > limit
    return value <= limit if comparison == 2 else value < limit


@exactly
def sieve(
    values: Floats,
    features: Ints,
    comparisons: Ints,
    others: Ints,
    limits: Floats,
    absent: Flags,
    strict: int,
    alive: Flags,
    counts: Ints,
) -> None:
    """Run all columns through the gates, one after the other.

    values: (features, columns). A gate compares the row `features` with the row `others`, or with `limits` where others is -1.
    absent: (gates, columns) or (gates, 1), True where the input of the gate does not exist: it fails (strict) or passes.
    alive: all survivors; counts: (2, gates), columns left and columns that could not be evaluated.
    """
    alive[:] = True
    for gate in range(len(features)):
        value, other, code, limit = values[features[gate]], values[max(others[gate], 0)], comparisons[gate], limits[gate]
        fixed, left, unknown = others[gate] < 0, 0, 0
        missing = absent[gate]
        single = len(missing) == 1
        for i in range(len(alive)):
            lost = missing[0] if single else missing[i]
            unknown += 1 if alive[i] & lost else 0
            passed = holds(value[i], code, limit if fixed else other[i])
            alive[i] &= (strict == 0) if lost else passed
            left += 1 if alive[i] else 0
        counts[0, gate], counts[1, gate] = left, unknown


@exactly
def best(values: Floats, alive: Flags, chosen: Ints) -> int:
    """Columns of the largest values among the survivors into `chosen`, best first, equals by column; answers how many."""
    n = 0
    for i in range(len(values)):
        if alive[i] and values[i] == values[i] and (n < len(chosen) or values[i] > values[chosen[n - 1]]):
            j = min(n, len(chosen) - 1)
            n = min(n + 1, len(chosen))
            while j > 0 and values[chosen[j - 1]] < values[i]:
                chosen[j] = chosen[j - 1]
                j -= 1
            chosen[j] = i
    return n


@exactly
def spread_ranks(values: Floats, order: Ints, out: Floats) -> None:
    """Percentile of each finite value among the finite ones; order: columns by rising value, NaN last."""
    first, last = 0, len(order)
    while first < last and values[order[first]] == -np.inf:
        first += 1
    while last > first and not np.isfinite(values[order[last - 1]]):
        last -= 1
    out[:] = np.nan
    if last - first < 2:
        return
    place = first
    while place < last:
        end = place + 1
        while end < last and values[order[end]] == values[order[place]]:
            end += 1
        for k in range(place, end):
            out[order[k]] = 100.0 * ((place - first + end - first - 1) / 2.0) / (last - first - 1)
        place = end
