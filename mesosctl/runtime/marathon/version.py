"""Which Marathon's API this is."""

VERSION = "1.5.14"
NAME = "marathon"
