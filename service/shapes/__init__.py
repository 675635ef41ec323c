"""What the service answers, once: the models that its description and its client share."""
