"""Parts that several scenarios share: who holds what, which records are used for what, and what is secret about it."""
