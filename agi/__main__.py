"""``python -m agi``."""

from agi.server import serve

if __name__ == "__main__":
    serve()
