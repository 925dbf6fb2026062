"""``python -m pipelines.predict``."""

from pipelines.predict.command import main

main()
