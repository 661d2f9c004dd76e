#!/bin/sh
# Does nginx itself finish a TLS handshake and answer? (Whether the console does is the console's own check.)
printf 'GET /.front HTTP/1.0\r\n\r\n' | openssl s_client -quiet -connect 127.0.0.1:8443 2>/dev/null |
	grep -q '^HTTP/1.1 204'
