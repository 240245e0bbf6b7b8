"""What the console counts: few statements, each by an index, none without an end."""
