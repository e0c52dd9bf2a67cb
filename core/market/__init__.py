"""The state of the market: sessions of the exchange, bar panel, features, the scan of gates over them, modelled chains.

Who may come in: strategies, options, risk, portfolio, engine, research, posts, charts, feeds, and the composition roots.
May import `core.quant`, `core.ports`, `core.model`. To add a feature, add its formula to `core/quant/indicators.py` and
its column to `core/market/features.py`; gates can then name it.
"""
