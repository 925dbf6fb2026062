"""Processor, ranks, run folders, warnings: what every command stands on."""
