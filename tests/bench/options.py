"""Part 4, option mathematics: kernels against peers, oracles and the machine; a chain, a whole market, a stress grid."""

from collections.abc import Iterator

from core.quant import dividends
from tests.bench import _chains, _market, _pricing
from tests.bench.report import Row


def rows(quick: bool) -> Iterator[Row]:
    """Every promise of the option mathematics, one after the other."""
    dividends.warm()
    compiled = _market.compiled()
    for measure in (
        _pricing.european_rows,
        _pricing.american_rows,
        _pricing.dividend_rows,
        _market.chain_rows,
        _market.market_rows,
        _market.stress_rows,
        _chains.chain_rows,
    ):
        yield from measure(quick)
    more = float(_market.compiled() - compiled)
    yield Row.promised("kernels compiled after the warm-up", more, "", "<= 0", "over all the measurements above")
