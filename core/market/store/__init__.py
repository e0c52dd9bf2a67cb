"""The bar store: daily bars of every symbol that was ever listed, on disk, written once and never rewritten.

One folder: a matrix per field (bar-major: one row per session, one column per listing), a log of the days with the checksum
of every row, and beside them logs of the listings, the corporate actions and the quarantine. A day exists when its line in
the log is whole; everything else in the files is leftover of a write that was cut off. Prices stay as traded: splits and
dividends are applied when a window is read.

Who may come in: the scan state, feeds, research and the composition roots. To add one more field, add its name to
`matrices.FIELDS` and raise `matrices.FORMAT`; to add one more check, add it to `defects`.
"""
