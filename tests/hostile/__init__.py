"""Inputs that were made to hurt: each is answered in words, within memory and processor time that were said before."""
