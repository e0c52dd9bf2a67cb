"""Benchmarks: absolute promises about speed and memory, measured on the machine they run on. No test runs them.

`python -m tests.bench NAME [--json] [--quick]` runs the file of that name; it exits with 1 when a row does not hold.
To add a benchmark, add a file whose `rows(quick)` gives `report.Row` after `report.Row`; files that begin with an underscore
are parts of others.
"""
