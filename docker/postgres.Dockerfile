# PostgreSQL 17: the truth. A local socket and no network at all.
# hadolint global ignore=DL3008
FROM debian:trixie-slim
RUN groupadd --gid 10112 psap112 \
 && useradd --uid 10113 --gid 10112 --no-log-init --no-create-home --home-dir /var/lib/postgresql --shell /usr/sbin/nologin postgres \
 && apt-get update \
 && apt-get install -y --no-install-recommends postgresql-common \
 && printf 'create_main_cluster = false\n' > /etc/postgresql-common/createcluster.conf \
 && apt-get install -y --no-install-recommends postgresql-17 \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql /run/postgresql \
 && install -d -o 10113 -g 10112 -m 0750 /var/lib/postgresql /run/postgresql
COPY docker/postgres.sh /usr/local/bin/run-postgres
ENV PATH=/usr/lib/postgresql/17/bin:$PATH
USER 10113:10112
WORKDIR /var/lib/postgresql
ENTRYPOINT ["/usr/local/bin/run-postgres"]
# fast: sessions are ended, what they began is rolled back
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
  CMD ["pg_isready", "--quiet", "--host", "/run/postgresql", "--username", "psap112", "--dbname", "psap112"]
ARG VERSION=local
ARG REVISION=unknown
LABEL org.opencontainers.image.title="psap112-postgres" \
      org.opencontainers.image.description="112: PostgreSQL on a local socket" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
