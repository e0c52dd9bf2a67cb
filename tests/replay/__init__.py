"""The whole replay on slices of real prices: the same twice, never ahead of itself, equal to the broker's ledger."""
