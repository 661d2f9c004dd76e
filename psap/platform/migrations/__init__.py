"""The database's versions, run in-process by psap.platform.migrate."""
