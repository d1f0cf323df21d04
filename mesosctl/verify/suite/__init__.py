"""The promises, a module for each chapter of the guide."""
