"""``python -m pipelines.export``."""

from pipelines.export.command import main

main()
