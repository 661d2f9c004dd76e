"""The console: people look and act over HTTP and one WebSocket."""
