"""The command line behind ./112: one file per noun."""
