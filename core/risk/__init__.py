"""One file per risk rule: a frozen dataclass whose fields are its limits and whose `check` measures one thing, purely.

Every rule speaks about every proposal, also when another one already blocks, so that each verdict can be stored with its
measured value and limit. Rules that guard entries answer PASS for a closing proposal: nothing may keep a person from less risk.
Only `stale_quote`, `market_closed` and `halted` bind both ways. A rule whose input does not exist answers ABSENT; what that
means is the engine's decision (it blocks, except in replay).

Where each pre-trade check stands (the gate is `core.engine.checks`, made right before the wire):

====  ==========================================================================================================================
D1    gate `mode`                                   D14   `open_risk`, `strategy_heat`, `symbol_exposure`, `sector`
D2    gate `kill`; the claim and the marker again   D15   `daily_loss`; the breakers of `core.engine.safety`
D3    gate `digest`                                 D16   `losing_streak`, `cool_down`
D4    `duplicate`; gate `duplicate`                 D17   `buying_power`, `cash_reserve`; gate `buying_power`
D5    `trades_per_day`; gate `rate`                 D18   `assignment`
D6    gate `orders_vs_approvals`                    D19   `corporate_action`, `price_drift`
D7    `order_shape`; gate `shape`                   D20   `earnings`
D8    gate `type`                                   D21   `restricted`
D9    `price_sane`                                  D22   gate `self_cross`
D10   `stale_quote`, `quote_width`, `second_quote`  D23   `account_limits`
D11   `contract`; the broker's dry run              D24   gate `clock`
D12   `market_closed`, `session_window`, `halted`   D25   `data_health`
D13   `trade_risk`                                  D26   gate `code`
====  ==========================================================================================================================

`live_ramp` tightens these for an account's first live sessions (`_profile`).

To add a rule, add a file with one frozen dataclass that has a class attribute `name` and keeps to `core.ports.rule.RiskRule`;
`tests/test_every_rule.py` runs it through what every rule must hold to. Files that begin with an underscore are shared parts.
"""

import sys
from collections.abc import Iterable, Mapping

from core.model.market import MarketView
from core.model.positions import Book
from core.model.proposals import Proposal, Verdict
from core.ports.plugins import discover
from core.ports.rule import RiskRule
from core.risk._profile import in_force


def found() -> Mapping[str, type]:
    """Every rule of this folder by name.

    Raises
    ------
    OperatorError
        A file is broken, or two use the same name.
    """
    return discover(sys.modules[__name__])


def vet_all(rules: Iterable[RiskRule], proposal: Proposal, book: Book, view: MarketView) -> tuple[Verdict, ...]:
    """Ask every rule, none left out, in the order of their names, with the limits that hold for this book."""
    return tuple(rule.check(proposal, book, view) for rule in sorted(in_force(rules, book), key=lambda rule: rule.name))
