"""The mechanisms as one file of Python that needs nothing of ours."""
