"""Compiled loops behind the live scan: gates and funnel, the best of the survivors, percentiles."""

import numpy as np

from core.model.market import Flags, Floats
from core.quant.kernel_scan import Ints, exactly

#: Columns that go through all gates together.
TILE = 4096


@exactly
def compare(left: Floats, right: Floats, equal: int, passed: Flags) -> None:
    """Where left is above right, or (equal 1) not below it."""
    if equal:
        for i in range(len(passed)):
            passed[i] = left[i] >= right[i]
    else:
        for i in range(len(passed)):
            passed[i] = left[i] > right[i]


@exactly
def keep(alive: Flags, passed: Flags) -> int:
    """Cross out what did not pass; answers how many are left."""
    left = 0
    for i in range(len(alive)):
        alive[i] &= passed[i]
        left += 1 if alive[i] else 0
    return left


@exactly
def excuse(alive: Flags, missing: Flags, strict: int, passed: Flags) -> int:
    """Let what cannot be evaluated fail (strict) or pass; answers how many of the living that were."""
    unknown = 0
    for i in range(len(alive)):
        lost = missing[0] if len(missing) == 1 else missing[i]
        unknown += 1 if alive[i] & lost else 0
        passed[i] = (strict == 0) if lost else passed[i]
    return unknown


@exactly
def sieve(
    values: Floats,
    slow: Floats,
    features: Ints,
    codes: Ints,
    others: Ints,
    limits: Floats,
    absent: Flags,
    strict: int,
    alive: Flags,
    counts: Ints,
) -> None:
    """Run all columns through the gates, one after the other.

    A gate compares the row `features` with the row `others`, or with `limits` where others is -1; rows are counted through values
    and then slow, both (rows, columns). codes: `core.quant.recursions.COMPARISONS`.
    absent: (gates, columns) or (gates, 1), True where the input of the gate does not exist: it fails (strict) or passes.
    alive: all survivors; counts: (2, gates), columns left and columns that could not be evaluated.
    """
    n, fast = len(alive), len(values)
    alive[:] = True
    counts[:, :] = 0
    passed, level = np.empty(TILE, np.bool_), np.empty(TILE)
    for a in range(0, n, TILE):
        b = min(a + TILE, n)
        living, found = alive[a:b], passed[: b - a]
        for gate in range(len(features)):
            row, other, code = features[gate], others[gate], codes[gate]
            value = values[row, a:b] if row < fast else slow[row - fast, a:b]
            limit = level[: b - a]
            if other < 0:
                limit[:] = limits[gate]
            else:
                limit = values[other, a:b] if other < fast else slow[other - fast, a:b]
            if code < 2:
                compare(value, limit, 1 - code, found)
            else:
                compare(limit, value, 3 - code, found)
            missing = absent[gate] if absent.shape[1] == 1 else absent[gate, a:b]
            if len(missing) > 1 or missing[0]:
                counts[1, gate] += excuse(living, missing, strict, found)
            counts[0, gate] += keep(living, found)


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
