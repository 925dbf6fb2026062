"""``python -m pipelines.engine``."""

from pipelines.engine.command import main

if __name__ == "__main__":
    main()
