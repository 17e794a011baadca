"""`python -m veobot` is `veobot`."""

from veobot.cli import main

if __name__ == "__main__":
    main()
