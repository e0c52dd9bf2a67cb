"""The profile `live_ramp`: tighter numbers for an account's first live sessions. It only ever tightens what the settings say."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from core.model.positions import Book
from core.ports.rule import RiskRule
from core.risk.live_ramp import LiveRamp

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Numbers = Mapping[str, float]

#: Settings that become at most so much; 0 stands for "no limit" and is replaced.
AT_MOST: Mapping[str, Numbers] = MappingProxyType(
    {
        "buying_power": {"limit": 0.75},
        "cool_down": {"stops": 4},
        "daily_loss": {"limit": 0.03},
        "open_risk": {"limit": 0.10, "symbol": 0.03, "expiry": 0.05, "sector": 0.06},
        "order_shape": {"contracts": 10},
        "quote_width": {"share": 0.25, "dollars": 0.40},
        "stale_quote": {"limit": 3.0},
        "trade_risk": {"limit": 0.01, "dollars": 500.0},
    }
)
#: Settings that become at least so much.
AT_LEAST: Mapping[str, Numbers] = MappingProxyType(
    {
        "cool_down": {"lock_minutes": 60.0, "rest_minutes": 30.0},
        "session_window": {"after_open": 5.0, "before_close": 10.0},
    }
)


def in_force(rules: Iterable[RiskRule], book: Book) -> tuple[RiskRule, ...]:
    """The rules with the limits that hold for this book: those set, or the tighter ones while an account is new to real money."""
    chosen = tuple(rules)
    ramp = next((rule for rule in chosen if isinstance(rule, LiveRamp)), None)
    if ramp is None or not ramp.holds(book):
        return chosen
    return tuple(tightened(rule) for rule in chosen)


def tightened(rule: RiskRule) -> RiskRule:
    """A rule with the tighter numbers of the profile; one that the profile does not name stays as it is."""
    changes: dict[str, Any] = {}
    for field, most in AT_MOST.get(rule.name, {}).items():
        own = getattr(rule, field)
        changes[field] = type(own)(min(own, most) if own > 0 else most)
    for field, least in AT_LEAST.get(rule.name, {}).items():
        own = getattr(rule, field)
        changes[field] = type(own)(max(own, least))
    if not changes:
        return rule
    return cast("RiskRule", replace(cast("DataclassInstance", rule), **changes))
