"""What an attacker, a thief or our own mistake could do: secrets, audit, text from outside, permissions."""
