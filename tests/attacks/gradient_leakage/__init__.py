"""Tests of attacks on gradients."""
