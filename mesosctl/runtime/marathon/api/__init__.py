"""Marathon's REST API: `/v2/…`, `/ping`, `/metrics`, as its RAML and the clients of Marathon 1.5 have it."""
