"""Experiments: faults under load, and the invariants that must survive them."""
