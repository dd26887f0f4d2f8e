"""The text of a file: its rows and spans, how it is read and rewritten. Never torch."""
