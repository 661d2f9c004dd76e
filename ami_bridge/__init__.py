"""AMI bridge: Asterisk tells, we record; we ask, it does."""
