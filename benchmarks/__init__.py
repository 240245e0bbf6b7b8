"""How fast is it? One module per question; ``python -m benchmarks --help``."""
