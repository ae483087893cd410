# Images of both services, and of the program that creates their secrets. One stage builds for all three:
#   docker build --target auth-service .
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /build
# Dependencies are a layer of their own, as they change less often than the sources.
COPY Cargo.toml Cargo.lock ./
COPY proto/Cargo.toml proto/
COPY crates/circuit-breaker/Cargo.toml crates/circuit-breaker/
COPY crates/client/Cargo.toml crates/client/
COPY crates/core/Cargo.toml crates/core/
COPY crates/crypto/Cargo.toml crates/crypto/
COPY crates/identity/Cargo.toml crates/identity/
COPY crates/metrics/Cargo.toml crates/metrics/
COPY crates/server-kit/Cargo.toml crates/server-kit/
COPY crates/revocation-model/Cargo.toml crates/revocation-model/
COPY crates/store-conformance/Cargo.toml crates/store-conformance/
COPY crates/store-postgres/Cargo.toml crates/store-postgres/
COPY crates/store-sql/Cargo.toml crates/store-sql/
COPY crates/store-sqlite/Cargo.toml crates/store-sqlite/
COPY crates/store-transfer/Cargo.toml crates/store-transfer/
COPY crates/tls/Cargo.toml crates/tls/
COPY crates/trace/Cargo.toml crates/trace/
COPY crates/webauthn/Cargo.toml crates/webauthn/
COPY auth-service/Cargo.toml auth-service/
COPY web-service/Cargo.toml web-service/
COPY e2e/Cargo.toml e2e/
COPY bench/Cargo.toml bench/
COPY bench/load/Cargo.toml bench/load/
COPY xtask/Cargo.toml xtask/
COPY examples/axum-api/Cargo.toml examples/axum-api/
COPY examples/axum-offline/Cargo.toml examples/axum-offline/
RUN for member in proto crates/* auth-service web-service e2e bench bench/load xtask examples/axum-api examples/axum-offline; do \
      mkdir $member/src && touch $member/src/lib.rs && echo 'fn main() {}' > $member/src/main.rs; \
    done \
 && cargo build --release --locked --bin auth-service --bin web-service \
 && cargo clean --release --package auth-proto --package auth-service --package web-service \
      $(for member in crates/*; do echo "--package holdfast-${member#crates/}"; done) \
 && rm -r proto/src crates/*/src auth-service/src web-service/src
COPY proto proto
COPY crates crates
COPY auth-service auth-service
COPY web-service web-service
RUN cargo build --release --locked --bin auth-service --bin web-service \
 && for program in auth-service web-service; do \
      strip --strip-unneeded --keep-section=.debug* -o /usr/local/bin/$program target/release/$program; \
    done

FROM ${RUNTIME_IMAGE} AS runtime
# A new volume gets the owner of the directory that it is mounted at.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/holdfast \
 && install --directory --owner=10001 --group=10001 --mode=0750 \
      /etc/holdfast/auth /etc/holdfast/shared /etc/holdfast/web /etc/holdfast/redis
USER 10001:10001
WORKDIR /var/lib/holdfast

FROM runtime AS secrets
COPY deploy/secrets.sh /usr/local/lib/holdfast/
COPY deploy/make-secrets /usr/local/bin/
ENTRYPOINT ["make-secrets"]

FROM runtime AS service
# The public certificate authorities, which the slim image lacks: for Redis, PostgreSQL and collectors over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/

FROM service AS auth-service
COPY --from=build /usr/local/bin/auth-service /usr/local/bin/
ENV AUTH_LISTEN=0.0.0.0:50051 AUTH_DATA_DIR=/var/lib/holdfast
EXPOSE 50051
HEALTHCHECK --interval=5s --timeout=4s --start-period=10s CMD ["auth-service", "healthcheck"]
ENTRYPOINT ["auth-service"]

FROM service AS web-service
COPY --from=build /usr/local/bin/web-service /usr/local/bin/
ENV WEB_LISTEN=0.0.0.0:8443 WEB_DATA_DIR=/var/lib/holdfast
EXPOSE 8443
HEALTHCHECK --interval=5s --timeout=4s --start-period=10s CMD ["web-service", "healthcheck"]
ENTRYPOINT ["web-service"]
