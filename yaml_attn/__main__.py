"""`python -m yaml_attn` is `yaml-attn`."""

from yaml_attn.cli import main

main()
