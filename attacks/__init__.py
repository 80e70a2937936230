"""The standardised attacks, one folder per family; each file is one attack and is readable on its own."""
