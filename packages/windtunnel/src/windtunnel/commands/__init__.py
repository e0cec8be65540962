"""The verbs of the command line that check, list and explain, one module each."""
