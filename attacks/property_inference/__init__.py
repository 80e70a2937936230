"""Attacks that tell a property of a party's whole dataset from the logits or prototypes that it shares."""
