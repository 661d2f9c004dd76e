# One image for agi, ami_bridge, console, watchdog and prepare: Debian 13's Python 3.13, the page built.
# hadolint global ignore=DL3008
# (Debian's stable release keeps one version of a package: pinning it would only break with its next security fix)

FROM debian:trixie-slim AS python
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

# ---- the page; Node comes as ./112 gets it, pinned by its hash
FROM python AS page
WORKDIR /src
COPY requirements-node.lock ./
RUN python3 -m venv /node \
 && /node/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-node.lock
ENV PATH=/node/bin:$PATH
COPY console/web/package.json console/web/package-lock.json console/web/
WORKDIR /src/console/web
RUN npm ci --no-audit --no-fund
COPY console/web ./
RUN npm run build

# ---- what runs, pinned by hash
FROM python AS packages
WORKDIR /opt/psap112
COPY requirements.lock ./
RUN python3 -m venv .venv \
 && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile --require-hashes -r requirements.lock \
 && .venv/bin/pip uninstall --quiet --yes pip \
 && .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash .venv/lib

# ---- our own, compiled: a read-only root cannot keep what it compiles
FROM packages AS code
COPY agi agi
COPY ami_bridge ami_bridge
COPY asterisk-config asterisk-config
COPY console console
COPY dialplan dialplan
COPY docs/runbook.md docs/
COPY docker/entrypoint.sh docker/health.py docker/prepare.py docker/
COPY profiles profiles
COPY prompts prompts
COPY psap psap
RUN rm -rf console/web .venv requirements.lock \
 && python3 -m compileall -q --invalidation-mode unchecked-hash . \
 && chmod 0755 docker/entrypoint.sh

FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates espeak-ng python3 sox tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10112 psap112 \
 && useradd --uid 10112 --gid 10112 --no-log-init --no-create-home --home-dir /var/lib/psap112 --shell /usr/sbin/nologin psap112 \
 && install -d -o 10112 -g 10112 -m 0711 /var/lib/psap112 \
 && install -d -o 10112 -g 10112 -m 0750 /run/console \
 && printf '#!/bin/sh\nexec python -m psap.cli "$@"\n' > /usr/local/bin/112 \
 && chmod 0755 /usr/local/bin/112
COPY --from=packages /opt/psap112/.venv /opt/psap112/.venv
COPY --from=page /src/console/static /opt/psap112/console/static
COPY --from=code /opt/psap112 /opt/psap112
WORKDIR /opt/psap112
ENV PATH=/opt/psap112/.venv/bin:$PATH \
    PYTHONPATH=/opt/psap112 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PSAP_HOME=/var/lib/psap112 \
    PSAP_CACHE=/var/lib/psap112/cache
USER 10112:10112
ENTRYPOINT ["/opt/psap112/docker/entrypoint.sh"]
CMD ["console"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
  CMD ["python", "-I", "/opt/psap112/docker/health.py"]
ARG VERSION=local
ARG REVISION=unknown
LABEL org.opencontainers.image.title="psap112-app" \
      org.opencontainers.image.description="112: agi, ami_bridge, console, watchdog, prepare" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
