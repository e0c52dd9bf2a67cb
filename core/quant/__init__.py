"""Numbers: arrays in, arrays out. Indicators, American options, fees; numba allowed (files named `kernel*.py`).

Who may come in: everybody above `core.ports`, and the brokers. Knows prices, volumes and volatilities, no symbols, no feeds.
To add an indicator, add its formula here once, with its unit, its NaN and its source; everybody else calls it.
"""
