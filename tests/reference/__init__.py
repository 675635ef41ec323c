"""The rules of docs/semantics.md evaluated plainly, event by event: the yardstick for the fast views."""
