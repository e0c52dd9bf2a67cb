"""What the loopback does with an order: accept or refuse it, and trade it against the market that is shown."""

from decimal import Decimal

from core.model.instruments import Option, instrument
from tests.kit.ibkr.wire import WireOrder
from tests.kit.ibkr.world import Market, TwsExecution, TwsLeg, TwsOrder, World, known

_TICK = Decimal("0.01")


def legs_of(world: World, asked: WireOrder) -> list[TwsLeg] | None:
    """Legs of an order with our keys; None when a contract is not known."""
    wanted = [(leg.con_id, leg.action, leg.ratio) for leg in asked.legs] or [(asked.con_id, "BUY", 1)]
    legs = []
    for con_id, action, ratio in wanted:
        key = world.contracts.get(con_id)
        if key is None:
            return None
        legs.append(TwsLeg(key, con_id, action, ratio))
    return legs


def refusal(world: World, asked: WireOrder, legs: list[TwsLeg] | None) -> tuple[int, str] | None:
    """Why an order is not taken: code and words."""
    if asked.account not in {"DU1234567", "U7654321"}:
        return 435, "You must specify an account."
    if legs is None or not all(known(leg.key) for leg in legs):
        return 200, "No security definition has been found for the request"
    if asked.quantity <= 0:
        return 434, "The order size cannot be zero."
    if asked.limit is None or asked.limit % _TICK:
        return 110, "The price does not conform to the minimum price variation for this contract."
    if any(value != "0" for tag, value in asked.routing if tag == "NonGuaranteed"):
        return 10043, "Missing or invalid NonGuaranteed value."
    if any(_expired(world, leg.key) for leg in legs):
        return 201, "Order rejected - reason: the contract has expired"
    return _shortage(world, asked, legs)


def _expired(world: World, key: str) -> bool:
    thing = instrument(key)
    return isinstance(thing, Option) and thing.expiry < world.now().date()


def _shortage(world: World, asked: WireOrder, legs: list[TwsLeg]) -> tuple[int, str] | None:
    margin = need(world, asked, legs)
    if margin is None:
        return 201, "Order rejected - reason: short positions are not allowed in this account"
    if margin > 0 and margin + commission(asked, legs) > available(world):
        return 201, "Order rejected - reason: insufficient buying power, YOUR ORDER IS NOT ACCEPTED"
    return None


def need(world: World, asked: WireOrder, legs: list[TwsLeg]) -> Decimal | None:
    """Dollars that an order ties up; None when it sells what is neither held nor covered by another leg."""
    quantity = int(asked.quantity)
    buys = asked.action == "BUY"
    multiplier = instrument(legs[0].key).multiplier
    sold = [leg for leg in legs if (leg.action == "BUY") is not buys]
    bought = [leg for leg in legs if leg not in sold]
    uncovered = [leg for leg in sold if world.held.get(leg.key, 0) < leg.ratio * quantity]
    if uncovered and not all(any(_covers(one, leg) for one in bought) for leg in uncovered):
        return None
    assert asked.limit is not None
    net = asked.limit if buys else -asked.limit
    width = max((_width(one, leg) for leg in uncovered for one in bought if _covers(one, leg)), default=Decimal(0))
    return max(net + max(width, Decimal(0)), Decimal(0)) * multiplier * quantity


def _covers(long: TwsLeg, short: TwsLeg) -> bool:
    """Whether a bought leg limits what a sold one can lose."""
    one, other = instrument(long.key), instrument(short.key)
    if not isinstance(one, Option) or not isinstance(other, Option):
        return False
    return (
        (one.underlying, one.right) == (other.underlying, other.right) and one.expiry >= other.expiry and long.ratio >= short.ratio
    )


def _width(long: TwsLeg, short: TwsLeg) -> Decimal:
    one, other = instrument(long.key), instrument(short.key)
    assert isinstance(one, Option)
    assert isinstance(other, Option)
    return one.strike - other.strike if one.right == "C" else other.strike - one.strike


def available(world: World) -> Decimal:
    """Cash that no open order ties up."""
    tied = Decimal(0)
    for order in world.orders.values():
        if order.open and order.account == "DU1234567":
            net = Decimal(order.limit) * (1 if order.action == "BUY" else -1)
            tied += max(net, Decimal(0)) * (order.quantity - order.filled) * instrument(order.legs[0].key).multiplier
    return world.cash - tied


def commission(asked: WireOrder, legs: list[TwsLeg]) -> Decimal:
    """Estimate of an order's commission."""
    options = sum(leg.ratio for leg in legs if isinstance(instrument(leg.key), Option))
    return Decimal("0.65") * options * asked.quantity if options else max(Decimal(1), Decimal("0.005") * asked.quantity)


def in_session(world: World) -> bool:
    """Whether the exchange is open: weekdays, 13:30 to 20:00 UTC."""
    now = world.now()
    return now.weekday() < 5 and 13 * 60 + 30 <= now.hour * 60 + now.minute < 20 * 60


def trade(world: World, order: TwsOrder) -> list[TwsExecution]:
    """Trade an order as far as the market that is shown allows."""
    if not order.open or not in_session(world):
        return []
    if world.generous:
        return world.execute(order, order.quantity - order.filled, at_limit(order))
    found = _touch(world, order)
    if found is None:
        return []
    net, size, prices = found
    limit = Decimal(order.limit) * (1 if order.action == "BUY" else -1)
    units = min(size, order.quantity - order.filled)
    if net > limit or units < 1:
        return []
    for leg in order.legs:
        shown = world.market[leg.key]
        if order.sign(leg) > 0:
            shown.ask_size -= units * leg.ratio
        else:
            shown.bid_size -= units * leg.ratio
    return world.execute(order, units, prices)


def at_limit(order: TwsOrder) -> list[Decimal]:
    """A price for each leg so that the order trades exactly at its limit."""
    prices = [Decimal(1)] * len(order.legs)
    net = Decimal(order.limit) * (1 if order.action == "BUY" else -1)
    missing = net - sum(leg.ratio * order.sign(leg) for leg in order.legs)
    wanted = 1 if missing > 0 else -1
    place = next((place for place, leg in enumerate(order.legs) if order.sign(leg) == wanted), 0)
    prices[place] += missing * order.sign(order.legs[place]) / order.legs[place].ratio
    return prices


def _touch(world: World, order: TwsOrder) -> tuple[Decimal, int, list[Decimal]] | None:
    """What a unit costs right now, how many units there are, and the price of each leg."""
    net, size, prices = Decimal(0), 1_000_000, []
    for leg in order.legs:
        shown: Market | None = world.quoted(leg.key)
        if shown is None:
            return None
        bought = order.sign(leg) > 0
        price, there = (shown.ask, shown.ask_size) if bought else (shown.bid, shown.bid_size)
        net += price * leg.ratio * order.sign(leg)
        size = min(size, there // leg.ratio)
        prices.append(price)
    return net, size, prices
