"""Prices from files: readers of flat files and tables, the cleaned tape, and the market that replays it.

`tables` and `days` read files, `clean` meets their defects with a decision each, `inputs` reads what comes beside the bars,
`tape` puts all of it on one axis of sessions, `market` replays it. To add a format, add its reader to `tables`.
"""
