"""Entry point of ``python -m pipelines.behaviour``."""

from pipelines.behaviour.command import main

main()
