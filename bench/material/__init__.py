"""What measurements are made on: ledgers, markets, questions, and what others would do."""
