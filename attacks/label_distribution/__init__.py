"""Attacks that read a party's class proportions off its answers on public texts."""
