# What browsers reach: nginx ends TLS and hands everything to the console's local socket. It sees no home, no
# database, and nothing of the host's loopback.
# hadolint global ignore=DL3008
FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx openssl \
 && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled /etc/nginx/modules-enabled /var/log/nginx \
 && groupadd --gid 10112 psap112 \
 && install -d -o 10112 -g 10112 -m 0750 /run/console
COPY docker/nginx.conf /etc/nginx/nginx.conf
COPY docker/tls-health.sh /usr/local/bin/tls-health
USER 10115:10112
CMD ["nginx", "-e", "stderr", "-g", "daemon off;"]
# answers that are under way are finished
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["tls-health"]
ARG VERSION=local
ARG REVISION=unknown
LABEL org.opencontainers.image.title="psap112-tls" \
      org.opencontainers.image.description="112: TLS in front of the console" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
