"""Orders out, one adapter per broker, the only place that imports its SDK.

Adapters import `core.model`, `core.ports` and `core.quant`, never each other. To add one, add a file or folder whose settings
dataclass has an `open()`.
"""
