"""What may be wrong with an installation, looked at from one process.

Each module looks at one part and yields findings; ``workflows doctor`` prints them.
"""
