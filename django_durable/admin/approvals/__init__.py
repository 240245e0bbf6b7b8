"""What people are asked, and how they answer."""
