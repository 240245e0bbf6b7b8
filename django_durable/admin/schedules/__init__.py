"""The pages of schedules: what starts when, what came of it, and acting on it."""
