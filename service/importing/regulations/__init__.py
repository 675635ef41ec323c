"""Regulations out of tables of changes, and out of the Consolidated Screening List."""
