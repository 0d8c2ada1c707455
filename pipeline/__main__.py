"""`python -m pipeline`: the `tracejoin` command."""

from pipeline.cli.main import main

if __name__ == "__main__":
    main()
