"""What rows alone tell: levels, and the places that edits are named by. Never torch."""
