"""A small shop whose orders survive crashes."""
