"""Entry point of ``python -m pipelines.microscope``."""

from pipelines.microscope.command import main

main()
