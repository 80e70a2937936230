"""``python -m harness.cli``: the command without an installation."""

from harness.cli.app import main

main()
