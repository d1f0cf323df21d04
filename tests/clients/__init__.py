"""Frameworks and executors that tests run as programs: on pymesos as PyPI has it (`environment` gets it), and on ours."""
