"""What those see who watch from outside."""
