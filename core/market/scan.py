"""The scan: gates over features. One reading of a gate serves the scan, the funnel, the explanation and the sweep alike.

A gate compares one feature with a number or with another feature. Where the input of either does not exist in this run
(`Features.absent`) the gate is "not evaluated": with `strict` it fails, without it passes and is counted. A value that is
NaN although its input exists (not enough history) fails.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from core.model.errors import OperatorError
from core.model.market import Features, Flags, Floats
from core.model.signals import Comparison, Gate, GateResult, Outcome

Compare = Callable[[Floats, Floats | np.float64], Flags]

_COMPARE: Mapping[Comparison, Compare] = MappingProxyType(
    {
        Comparison.GE: np.greater_equal,
        Comparison.GT: np.greater,
        Comparison.LE: np.less_equal,
        Comparison.LT: np.less,
    }
)


@dataclass(frozen=True, slots=True)
class Funnel:
    """What the gates left over.

    Attributes
    ----------
    survivors : tuple of str
        Symbols that passed every gate, in the order of the universe.
    left : tuple of (gate name, int)
        Symbols left after each gate, the gates taken one after the other.
    absent : tuple of (gate name, int)
        How many of the symbols that reached a gate could not be evaluated by it.
    """

    survivors: tuple[str, ...]
    left: tuple[tuple[str, int], ...]
    absent: tuple[tuple[str, int], ...]


def evaluate(gates: Sequence[Gate], features: Features, symbols: Sequence[str], strict: bool) -> Funnel:  # noqa: FBT001 - decided contract
    """Run every symbol through the gates, one after the other.

    Parameters
    ----------
    symbols : names of the columns of `features`, in their order.
    strict : a gate that cannot be evaluated fails (live) instead of passing counted (replay).

    Raises
    ------
    OperatorError
        A gate names a feature that does not exist.
    """
    alive = np.ones(len(symbols), dtype=np.bool_)
    left: list[tuple[str, int]] = []
    absent: list[tuple[str, int]] = []
    for gate in gates:
        missing = _missing(gate, features)
        absent.append((gate.name, int(np.count_nonzero(alive & missing))))
        alive &= ~missing & _holds(gate, features) if strict else missing | _holds(gate, features)
        left.append((gate.name, int(np.count_nonzero(alive))))
    return Funnel(tuple(symbols[place] for place in np.flatnonzero(alive).tolist()), tuple(left), tuple(absent))


def explain(gates: Sequence[Gate], features: Features, column: int, strict: bool) -> tuple[GateResult, ...]:  # noqa: FBT001 - decided contract
    """Say for one symbol what every gate measured and decided, the gates behind a failed one included.

    With `strict` an absent input is a FAIL, without it ABSENT; the value or threshold is None either way.

    Raises
    ------
    OperatorError
        A gate names a feature that does not exist.
    """
    return tuple(_result(gate, features, column, strict=strict) for gate in gates)


def _result(gate: Gate, features: Features, column: int, *, strict: bool) -> GateResult:
    if _missing(gate, features)[column]:
        outcome = Outcome.FAIL if strict else Outcome.ABSENT
    else:
        outcome = Outcome.PASS if _holds(gate, features)[column] else Outcome.FAIL
    value = _known(gate.feature, features, column)
    threshold = _known(gate.threshold, features, column) if isinstance(gate.threshold, str) else gate.threshold
    return GateResult(gate.name, gate.label, value, gate.comparison, threshold, outcome)


def _known(name: str, features: Features, column: int) -> float | None:
    value = float(_column(name, features)[column])
    missing = name in features.absent and features.absent[name][column]
    return None if missing or math.isnan(value) else value


def _holds(gate: Gate, features: Features) -> Flags:
    threshold = _column(gate.threshold, features) if isinstance(gate.threshold, str) else np.float64(gate.threshold)
    return _COMPARE[gate.comparison](_column(gate.feature, features), threshold)


def _missing(gate: Gate, features: Features) -> Flags:
    missing = np.zeros(len(_column(gate.feature, features)), dtype=np.bool_)
    for name in (gate.feature, gate.threshold):
        if isinstance(name, str) and name in features.absent:
            missing |= features.absent[name]
    return missing


def _column(name: str, features: Features) -> Floats:
    if name not in features.columns:
        raise OperatorError(f"no feature is named {name!r}; a gate may use one of: {', '.join(sorted(features.columns))}")
    return features.columns[name]
