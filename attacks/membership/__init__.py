"""Attacks that tell whether a record was in a party's training data, from the logits that the party shares."""
