"""What can be done to workflows: each asks first, says why, and is written down."""
