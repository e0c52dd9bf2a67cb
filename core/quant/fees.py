"""What a trade costs in commissions and regulatory fees, as a stated model."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Annotated

from annotated_types import Ge

from core.model.errors import BadDataError
from core.model.instruments import Instrument, Option, Side
from core.model.money import CENT, ZERO


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """A broker's price list in dollars. Fees are positive dollars that we pay; opening and closing cost the same.

    The defaults are a common retail schedule: stock without commission, options 0.65 a contract on both sides, and on sales
    the regulatory fees that every broker passes on (FINRA's trading activity fee, the SEC's section 31 fee). Exchange and
    clearing fees of options are not itemised. It is a model: the broker's own statement is the fact.

    Attributes
    ----------
    per_share, per_contract : Decimal
        Commission per share of stock and per option contract, on both sides.
    minimum : Decimal
        Least commission of one charge, for stock and options alike; 0: none.
    sold_per_share, sold_per_contract : Decimal
        Regulatory fee per share or contract sold.
    sold_rate : Decimal
        Regulatory fee as a share of the dollars received in a sale.
    """

    per_share: Annotated[Decimal, Ge(0)] = ZERO
    per_contract: Annotated[Decimal, Ge(0)] = Decimal("0.65")
    minimum: Annotated[Decimal, Ge(0)] = ZERO
    sold_per_share: Annotated[Decimal, Ge(0)] = Decimal("0.000166")
    sold_per_contract: Annotated[Decimal, Ge(0)] = Decimal("0.00279")
    sold_rate: Annotated[Decimal, Ge(0)] = Decimal("0.0000278")

    def of(self, instrument: Instrument, quantity: int, side: Side, price: Decimal) -> Decimal:
        """Fee of one charge: so many shares or contracts of one instrument at one price.

        Parameters
        ----------
        quantity : int
            Shares or contracts, without sign.
        price : Decimal
            Dollars per share.

        Returns
        -------
        Decimal
            Dollars, zero or positive, rounded up to the whole cent once over the sum, so that an estimate is never too low.

        Raises
        ------
        BadDataError
            The quantity is negative, or the price is negative or not a number.
        """
        if quantity < 0:
            raise BadDataError(f"fees are counted on a quantity without sign, not on {quantity}")
        if not price.is_finite() or price < 0:
            raise BadDataError(f"fees cannot be counted at a price of {price}; give dollars per share, zero or more")
        if quantity == 0:
            return ZERO
        is_option = isinstance(instrument, Option)
        total = max(self.minimum, quantity * (self.per_contract if is_option else self.per_share))
        if side is Side.SELL:
            total += quantity * (self.sold_per_contract if is_option else self.sold_per_share)
            total += self.sold_rate * quantity * price * instrument.multiplier
        return total.quantize(CENT, ROUND_CEILING)
