"""All thinking. Knows no Discord, no broker SDK, no scheduler; everything outside is reached through `core.ports`."""
