"""Whole ledgers as files: written, and made again from them."""
