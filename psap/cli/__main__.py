"""``python -m psap.cli``: what ./112 hands over to."""

from psap.cli.main import main

if __name__ == "__main__":
    main()
