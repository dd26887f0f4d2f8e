"""A config as users have it: edited, verified, saved, with the effects of edits."""
