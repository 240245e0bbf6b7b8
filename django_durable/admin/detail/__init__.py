"""The page of one workflow: header, timeline, steps, and all that hangs on it."""
