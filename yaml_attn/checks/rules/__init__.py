"""One rule a file: its docstring is its manual, `RULE` its identity, `check` its finding."""
