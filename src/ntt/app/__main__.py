"""``python -m ntt.app``."""

from ntt.commands.app import main

if __name__ == "__main__":
    main()
