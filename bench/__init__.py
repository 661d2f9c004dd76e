"""What is measured over minutes: soaks and benchmarks on homes of their own. ``./112 bench``."""
