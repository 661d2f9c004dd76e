# Valkey (Redis' free successor): what just happened. A local socket and no network at all.
# hadolint global ignore=DL3008
FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends valkey-server valkey-tools \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10112 psap112 \
 && install -d -o 10114 -g 10112 -m 0750 /run/valkey /var/lib/valkey
USER 10114:10112
WORKDIR /var/lib/valkey
# the same settings as psap/platform/parts.py gives an own Redis
CMD ["valkey-server", "--port", "0", "--unixsocket", "/run/valkey/valkey.sock", "--unixsocketperm", "770", \
     "--dir", "/var/lib/valkey", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", \
     "--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru", "--daemonize", "no", "--logfile", ""]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 \
  CMD ["sh", "-c", "test \"$(valkey-cli -s /run/valkey/valkey.sock ping)\" = PONG"]
ARG VERSION=local
ARG REVISION=unknown
LABEL org.opencontainers.image.title="psap112-valkey" \
      org.opencontainers.image.description="112: Valkey on a local socket" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
