"""Benchmarks and the replay of Pentameter 2; `python -m bench` runs them all."""
