"""Frameworks and executors that tests run as programs: on pymesos as PyPI has it (see `environment`), and on ours."""
