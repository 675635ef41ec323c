"""Disposable tables made from the recorded events, and the views that are read from them."""
