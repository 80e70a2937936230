"""Spaces that gradients of attention layers tell: their bases, and what the first block makes of candidates."""
