"""The mechanisms in a checkout of YOLOv3, v5, v7 or v9: its files patched, its layers built."""
