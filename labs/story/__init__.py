"""What is told of a play: traces, diagrams, reports, the ledger."""
