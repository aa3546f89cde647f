"""``python -m skbench`` is the ``skbench`` command."""

from skbench.cli import main

if __name__ == "__main__":
    main()
