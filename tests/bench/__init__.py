"""How fast mesosctl is, beside its peers. `python -m tests.bench`, or `make bench`; see README.md."""
