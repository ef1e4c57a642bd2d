# syntax=docker/dockerfile:1

FROM rust:1-bookworm AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends pkg-config libssl-dev \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The caches keep librdkafka and the crates from being built again for every change; they are not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin rowkind \
  && install target/release/rowkind /usr/local/bin/rowkind

FROM debian:bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libssl3 \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin rowkind
COPY --from=build /usr/local/bin/rowkind /usr/local/bin/rowkind
# By its number, so that an orchestrator can see that it is not root.
USER 10001
# SIGTERM drains the batch, commits and leaves the group.
STOPSIGNAL SIGTERM
ENTRYPOINT ["rowkind"]
CMD ["run", "-c", "/etc/rowkind/rowkind.toml"]
