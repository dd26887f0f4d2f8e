"""The file and the wiring: text, rows, layers with pointers, edits. Never imports torch."""
