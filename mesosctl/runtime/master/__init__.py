"""The master: agents, frameworks, offers, and the APIs that show and change them."""
