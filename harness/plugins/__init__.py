"""Plugins by name, submissions with their manifests, and suites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.plugins.identity import check_identity, registered_hashes, shown_name, undefended_submission
    from harness.plugins.registry import PluginKind, find_submission, look_up, submissions, suites
    from harness.plugins.submission import EVERYWHERE, Claim, Manifest, Submission, load_submission
    from harness.plugins.suite import AttackSpec, Entry, Suite, load_suite, quick_suite

__all__ = [
    "EVERYWHERE",
    "AttackSpec",
    "Claim",
    "Entry",
    "Manifest",
    "PluginKind",
    "Submission",
    "Suite",
    "check_identity",
    "find_submission",
    "load_submission",
    "load_suite",
    "look_up",
    "quick_suite",
    "registered_hashes",
    "shown_name",
    "submissions",
    "suites",
    "undefended_submission",
]

_ROOMS = {
    "harness.plugins.identity": "check_identity registered_hashes shown_name undefended_submission",
    "harness.plugins.registry": "PluginKind find_submission look_up suites submissions",
    "harness.plugins.submission": "EVERYWHERE Claim Manifest Submission load_submission",
    "harness.plugins.suite": "AttackSpec Entry Suite load_suite quick_suite",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
