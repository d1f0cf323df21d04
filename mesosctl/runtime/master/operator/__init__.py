"""The operator API of a master: `api` takes a call to the function that answers it, the other modules hold those."""
