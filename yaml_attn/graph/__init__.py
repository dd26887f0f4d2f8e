"""The wiring: layers with pointers, edits, two networks compared. Never torch."""
