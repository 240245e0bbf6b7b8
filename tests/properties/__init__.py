"""What has to hold for any program, any schedule and any value."""
