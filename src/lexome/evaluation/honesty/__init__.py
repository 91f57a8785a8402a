"""What a model says beside what its corpus says: made up or supported, and skew taken over."""
