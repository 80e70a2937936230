"""Tools that attacks of all families share: readers of messages, statistics, models of the attacker's own."""
