"""A config -> a torch model -> a build report; one file a builder."""
