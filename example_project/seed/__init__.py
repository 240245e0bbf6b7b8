"""A week of the teahouse, lived through in seconds, for the console to show."""
