"""Speed of skbench beside what one would use instead: ``python -m benchmarks``."""
