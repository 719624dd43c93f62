"""Run the command line with ``python -m changedet``."""

from changedet.cli import main

if __name__ == "__main__":
    main()
