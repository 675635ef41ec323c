"""What people see: pages made on the server from the answers of `asking`, with their charts, words and styles."""
