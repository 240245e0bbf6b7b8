"""The pages of queues: how long each is, who serves it, and acting on it."""
