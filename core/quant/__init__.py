"""Numbers: arrays in, arrays out (indicators, prices, implied volatility, payoffs, fees); no I/O, no clock, numba allowed.

May import `core.model` and nothing else of ours; every room above may come in. To add a function, add it to the file of its
subject; a compiled loop goes into a file named `kernel_*.py`, with a slow honest twin among the tests.
"""
