"""What outside code may ask."""
