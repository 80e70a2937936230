"""Tests of gradient sharing."""
