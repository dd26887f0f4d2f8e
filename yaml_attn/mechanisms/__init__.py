"""The attention mechanisms as facts: which there are, what they take and promise."""
