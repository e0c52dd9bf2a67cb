"""The feeds: the only room that talks to data vendors, one file or folder each (flat files, simulated, Polygon).

May import `core.market` and below. Only the composition roots in `bot` may come in; everybody else asks through
`core.ports.market.MarketData`. To add a feed, add a folder whose settings are a frozen dataclass and whose market answers
`view()`; what it cannot know it leaves out, it never guesses.
"""
