"""Beffroi: declare a town's IT once, provision it, harden it, verify it, and keep the proof."""

__version__ = "0.1.0"
