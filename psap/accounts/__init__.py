"""Accounts: people, roles, sessions, tokens, telephones."""
