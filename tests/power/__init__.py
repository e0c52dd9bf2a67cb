"""Power loss: what the disk holds when the current fails between two fsyncs, and what the journal makes of it.

`tape` records a real road of the real journal, the files after each commit; `images` makes every disk that a power cut could
leave between two of them. One more way to lose power is one more generator in `images`.
"""
