"""The operator API of an agent: `api` takes a call to the function that answers it, the other modules hold those."""
