"""The effect of a defense on one message: declared, or learned from pairs of state and message."""
