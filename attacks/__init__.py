"""The standardised attacks: a folder for what is guessed, a file (or folder) for each attack, tools in ``toolkit``."""
