"""Which option expresses an idea: policy, choice of contracts, value of legs; pure.

The engine and the posts may come in; may import `core.market`, `core.quant`, `core.ports`, `core.model`. To add a structure,
add it to `policy.Structure` and say in `candidates` which legs make it.
"""
