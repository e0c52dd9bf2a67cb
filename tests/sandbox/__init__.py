"""Tests of the loopback Discord: the wire contract, two client libraries, faults, durability, the page."""
