"""A config -> a torch model -> a build report; one file a builder."""

import warnings

# torch says so, in three lines, when it is first imported where NumPy is missing: nothing here
# needs that.
warnings.filterwarnings("ignore", "Failed to initialize NumPy", UserWarning)
