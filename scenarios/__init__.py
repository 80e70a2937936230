"""Knowledge-sharing protocols, one folder each, and the suites that put them to the test."""
