"""Entry point of ``python -m pipelines.compare``."""

from pipelines.compare.command import main

main()
