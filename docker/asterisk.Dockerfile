# Asterisk 22 (long-term support) from Debian forky: trixie has none. Its configuration lies in the home's volume.
# hadolint global ignore=DL3008
FROM debian:forky-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends asterisk asterisk-modules \
 && rm -rf /var/lib/apt/lists/* \
 && case "$(asterisk -V)" in "Asterisk 22."*) ;; *) exit 1 ;; esac \
 && groupadd --gid 10112 psap112 \
 && useradd --uid 10112 --gid 10112 --no-log-init --no-create-home --home-dir /var/lib/psap112 --shell /usr/sbin/nologin psap112 \
 && install -d -o 10112 -g 10112 -m 0711 /var/lib/psap112
COPY docker/asterisk.sh /usr/local/bin/run-asterisk
ENV PSAP_HOME=/var/lib/psap112
USER 10112:10112
ENTRYPOINT ["/usr/local/bin/run-asterisk"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
  CMD ["asterisk", "-C", "/var/lib/psap112/asterisk/etc/asterisk.conf", "-rx", "core show uptime seconds"]
ARG VERSION=local
ARG REVISION=unknown
LABEL org.opencontainers.image.title="psap112-asterisk" \
      org.opencontainers.image.description="112: Asterisk 22, configured by psap112" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
