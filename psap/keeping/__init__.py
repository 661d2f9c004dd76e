"""How long data is kept, and what a person may ask for: retention, export, erasure."""
