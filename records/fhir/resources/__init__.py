"""One module a resource, each with both directions: `read` to facts, `write` back to JSON."""
