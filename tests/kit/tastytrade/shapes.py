"""The payloads of the wire, made from the books; key by key as in the recorded and documented payloads of the broker."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.kit.tastytrade.books import JSON, Books, Moved, Part, Placed
from tests.kit.tastytrade.market import underlying

ZEROES = (
    "long-equity-value short-equity-value long-derivative-value short-derivative-value long-futures-value short-futures-value "
    "long-futures-derivative-value short-futures-derivative-value long-margineable-value short-margineable-value "
    "futures-margin-requirement maintenance-requirement maintenance-call-value reg-t-call-value day-trading-call-value "
    "day-equity-call-value day-trade-excess pending-cash long-cryptocurrency-value short-cryptocurrency-value "
    "cryptocurrency-margin-requirement unsettled-cryptocurrency-fiat-amount closed-loop-available-balance "
    "equity-offering-margin-requirement long-bond-value bond-margin-requirement used-derivative-buying-power "
    "reg-t-margin-requirement futures-overnight-margin-requirement futures-intraday-margin-requirement maintenance-excess "
    "pending-margin-interest effective-cryptocurrency-buying-power"
)
FLAGS = (
    "has-intraday-equities-margin is-aggregated-at-clearing is-closed is-closing-only is-cryptocurrency-enabled is-frozen "
    "is-full-equity-margin-required is-futures-closing-only is-futures-intra-day-enabled is-futures-enabled "
    "is-in-day-trade-equity-maintenance-call is-in-margin-call is-pattern-day-trader is-risk-reducing-only "
    "is-small-notional-futures-intra-day-enabled is-roll-the-day-forward-enabled are-far-otm-net-options-restricted "
    "is-equity-offering-enabled is-equity-offering-closing-only"
)


def stamp(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+00:00"


def effect(value: Decimal) -> str:
    return "None" if not value else "Credit" if value > 0 else "Debit"


def money(name: str, value: Decimal) -> JSON:
    return {name: str(abs(value)), f"{name}-effect": effect(value)}


def order(placed: Placed, account: str) -> JSON:
    """An order as REST and the account streamer tell it."""
    told: JSON = {
        "id": placed.id,
        "account-number": account,
        "time-in-force": "Day",
        "order-type": "Limit",
        "size": max(part.quantity for part in placed.parts),
        "underlying-symbol": underlying(placed.parts[0]),
        "underlying-instrument-type": "Equity",
        "price": str(abs(placed.price)),
        "price-effect": effect(placed.price),
        "status": placed.status,
        "cancellable": placed.status in ("Received", "Live"),
        "editable": placed.status in ("Received", "Live"),
        "edited": False,
        "received-at": stamp(placed.received),
        "updated-at": round(placed.updated.timestamp() * 1000),
        "legs": [leg(part) for part in placed.parts],
    }
    told |= {"external-identifier": placed.key} if placed.key is not None else {}
    told |= {"replaces-order-id": placed.replaces} if placed.replaces else {}
    told |= {"replacing-order-id": placed.replacing} if placed.replacing else {}
    told |= {"reject-reason": placed.reason} if placed.reason else {}
    told |= {} if placed.open else {"terminal-at": stamp(placed.updated)}
    return told


def leg(part: Part) -> JSON:
    fills = [
        {
            "ext-group-fill-id": "0",
            "ext-exec-id": fill.id,
            "fill-id": fill.id,
            "quantity": fill.quantity,
            "fill-price": str(fill.price),
            "filled-at": stamp(fill.at),
            "destination-venue": "LOOPBACK",
        }
        for fill in part.fills
    ]
    return {
        "instrument-type": part.kind,
        "symbol": part.symbol,
        "quantity": part.quantity,
        "remaining-quantity": part.quantity - part.filled,
        "action": part.action,
        "fills": fills,
    }


def dry_run(asked: JSON, body: JSON, account: str, power: tuple[Decimal, Decimal], fees: Decimal) -> JSON:
    """The answer to an order: what it would do to buying power (need, power before), and its fees."""
    need, before = power
    return {
        "order": {
            "account-number": account,
            "time-in-force": body.get("time-in-force", "Day"),
            "order-type": body["order-type"],
            "size": max(leg["quantity"] for leg in asked["legs"]),
            "underlying-symbol": asked["legs"][0]["symbol"].split()[0],
            "underlying-instrument-type": "Equity",
            "price": body["price"],
            "price-effect": body.get("price-effect", "None"),
            "status": "Received",
            "cancellable": True,
            "editable": True,
            "edited": False,
            "updated-at": 0,
            "legs": [{**leg, "remaining-quantity": leg["quantity"], "fills": []} for leg in body["legs"]],
        },
        "warnings": [],
        "buying-power-effect": {
            **money("change-in-margin-requirement", -need),
            **money("change-in-buying-power", -need),
            **money("current-buying-power", before),
            **money("new-buying-power", before - need),
            **money("isolated-order-margin-requirement", -need),
            "is-spread": len(asked["legs"]) > 1,
            "impact": str(abs(need)),
            "effect": effect(-need),
        },
        "fee-calculation": {
            **money("regulatory-fees", Decimal(0)),
            **money("clearing-fees", Decimal(0)),
            **money("commission", -fees),
            **money("proprietary-index-option-fees", Decimal(0)),
            **money("total-fees", -fees),
        },
    }


def balance(books: Books, account: str, power: Decimal, at: datetime) -> JSON:
    told: JSON = dict.fromkeys(ZEROES.split(), "0.0")
    told |= {"account-number": account, "currency": "USD", "cash-balance": str(books.cash), "snapshot-date": f"{at:%Y-%m-%d}"}
    for name in ("derivative-buying-power", "available-trading-funds", "cash-available-to-withdraw"):
        told[name] = str(power)
    told |= {"equity-buying-power": str(power * 2), "day-trading-buying-power": str(power * 4)}
    told |= {"margin-equity": str(books.cash), "net-liquidating-value": str(books.cash), "updated-at": stamp(at)}
    return told


def position(symbol: str, quantity: int, account: str, at: datetime) -> JSON:
    option = len(symbol) == 21
    return {
        "account-number": account,
        "symbol": symbol,
        "instrument-type": "Equity Option" if option else "Equity",
        "underlying-symbol": symbol[:6].strip() if option else symbol,
        "quantity": str(abs(quantity)),
        "quantity-direction": "Long" if quantity > 0 else "Short" if quantity else "Zero",
        "close-price": "0.0",
        "average-open-price": "1.0",
        "multiplier": 100 if option else 1,
        "cost-effect": "Credit" if quantity > 0 else "Debit",
        "is-suppressed": False,
        "is-frozen": False,
        "restricted-quantity": "0.0",
        "realized-day-gain": "0.0",
        "realized-day-gain-effect": "None",
        "realized-today": "0.0",
        "realized-today-effect": "None",
        "created-at": stamp(at),
        "updated-at": stamp(at),
    }


def transaction(moved: Moved, account: str) -> JSON:
    told: JSON = {
        "id": moved.id,
        "account-number": account,
        "transaction-type": moved.kind,
        "transaction-sub-type": moved.sub,
        "description": f"{moved.sub} {moved.symbol or ''}".strip(),
        "executed-at": stamp(moved.at),
        "transaction-date": f"{moved.at:%Y-%m-%d}",
        **money("value", moved.value),
        **money("net-value", moved.value - moved.fee),
        "is-estimated-fee": True,
    }
    if moved.symbol is not None:
        option = len(moved.symbol) == 21
        told |= {"symbol": moved.symbol, "instrument-type": "Equity Option" if option else "Equity"}
        told["underlying-symbol"] = moved.symbol[:6].strip() if option else moved.symbol
    if moved.action is not None:
        told |= {"action": moved.action, "quantity": str(moved.quantity)}
    if moved.price is not None:
        told["price"] = str(moved.price)
    if moved.kind == "Trade":
        told |= {"order-id": moved.order_id, "ext-exec-id": moved.exec_id, "exec-id": moved.exec_id}
        told |= {**money("commission", -moved.fee), **money("clearing-fees", Decimal(0)), **money("regulatory-fees", Decimal(0))}
        told |= money("proprietary-index-option-fees", Decimal(0))
    return told


def trading_status(account: str, at: datetime, **changes: Any) -> JSON:
    return {
        **dict.fromkeys(FLAGS.split(), False),
        "account-number": account,
        "day-trade-count": 0,
        "equities-margin-calculation-type": "Reg T",
        "fee-schedule-name": "default",
        "futures-margin-rate-multiplier": "0.0",
        "id": 15,
        "options-level": "No Restrictions",
        "short-calls-enabled": True,
        "small-notional-futures-margin-rate-multiplier": "0.0",
        "updated-at": stamp(at),
        **changes,
    }


def customer_account(account: str) -> JSON:
    return {
        "account-number": account,
        "account-type-name": "Individual",
        "created-at": "2020-01-01T00:00:00.000+00:00",
        "day-trader-status": False,
        "investment-objective": "SPECULATION",
        "is-closed": False,
        "is-firm-error": False,
        "is-firm-proprietary": False,
        "is-foreign": False,
        "is-futures-approved": False,
        "margin-or-cash": "Margin",
        "nickname": "Loopback",
        "opened-at": "2020-01-01T00:00:00.000+00:00",
        "suitable-options-level": "No Restrictions",
    }
