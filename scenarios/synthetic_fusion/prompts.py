"""Prompts of generators: plain lists of examples that a base language model continues, one text a line.

A generator is asked in its own words (its instruction), so that several of them differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

__all__ = ["Shot", "contrast", "in_turn", "listing", "rephrase", "tidy"]

Value = TypeVar("Value")

Shot = tuple[str, str]
"""A text and its label."""


def in_turn(values: Sequence[Value], number: int) -> Value:
    """The instruction or temperature of generator ``number``: they take turns."""
    return values[number % len(values)]


def tidy(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


def listing(instruction: str, prefixes: Mapping[str, str], shots: Sequence[Shot], label: str) -> str:
    """The instruction, one line for every in-context sample, and the open line of ``label``."""
    lines = [instruction] if instruction else []
    lines += [f"{prefixes[mark]} {tidy(text)}" for text, mark in shots]
    return "\n".join([*lines, prefixes[label]])


def contrast(instruction: str, prefixes: Mapping[str, str], bad: Sequence[str], good: Sequence[str], label: str) -> str:
    """WASP's contrastive prompt: far samples first, marked as such, then near ones, and the request to go on so."""
    lines = [instruction] if instruction else []
    if bad:
        lines += ["Poor examples, to be avoided:", *(f"{prefixes[label]} {tidy(text)}" for text in bad)]
    if good:
        lines += ["Good examples, to be followed and varied:", *(f"{prefixes[label]} {tidy(text)}" for text in good)]
    return "\n".join([*lines, prefixes[label]])


def rephrase(prefixes: Mapping[str, str], text: str, label: str) -> str:
    """Aug-PE's variation by paraphrase: the text, and an open line for the same in other words."""
    return f"{prefixes[label]} {tidy(text)}\nThe same in other words.\n{prefixes[label]}"
