# syntax=docker/dockerfile:1
# leadsync in a container; docs/install.md says how to run it.
FROM rust:1.92-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY connectors connectors
COPY config config
COPY src src
COPY systemd systemd
COPY tests tests
RUN cargo build --release --locked --bin leadsync && strip --strip-debug target/release/leadsync

FROM debian:bookworm-slim
# Whatever Debian has now: an older certificate list is not wanted.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin leadsync \
    && install -d -m 0755 /etc/leadsync /etc/leadsync/connectors.d \
    && install -d -m 0700 -o leadsync -g leadsync /var/lib/leadsync \
    && install -d -m 0750 -o leadsync -g leadsync /run/leadsync
COPY --from=build /build/target/release/leadsync /usr/bin/leadsync
# Nobody outside a container reaches its loopback. What is published should still be a proxy with TLS.
ENV LEADSYNC_LISTEN__PUBLIC=0.0.0.0:8080
USER 10001:10001
VOLUME /var/lib/leadsync
EXPOSE 8080
# 30 s to finish what is in hand: docker run --stop-timeout 45
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["leadsync", "ctl", "health"]
ENTRYPOINT ["leadsync"]
CMD ["run", "--log-format", "json"]
