"""The mechanisms in the running Ultralytics: registered, built with, trained from weights."""
