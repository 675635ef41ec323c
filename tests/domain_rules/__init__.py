"""Tests of what is barred: verdicts, predicates, conditions, rules, instruments."""
