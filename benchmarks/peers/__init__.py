"""Other engines at the same work: each measurement in a process of its own."""
