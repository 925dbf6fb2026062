"""Entry point of ``python -m pipelines.memory_lab``."""

from pipelines.memory_lab.command import main

main()
