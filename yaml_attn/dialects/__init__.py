"""One file a framework: how it reads a row. Never imports torch."""
