# syntax=docker/dockerfile:1

FROM rust:1-bookworm AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libssl-dev pkg-config \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# What `rowkind --version` says, as `git log -1 --format='%H %cs'` prints it: the repository is not here.
ARG ROWKIND_COMMIT=""
# The caches keep librdkafka and the crates from being built again for every change; they are not part of the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    scripts/dist.sh \
  && deploy/image/rootfs.sh target/dist/rowkind /rootfs

FROM scratch
COPY --from=build /rootfs/ /
COPY --from=build --chown=10001:10001 /rootfs/var/lib/rowkind/ /var/lib/rowkind/
# By its number, so that an orchestrator can see that it is not root.
USER 10001:10001
# SIGTERM drains the batch, commits and leaves the group.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/rowkind"]
CMD ["run", "-c", "/etc/rowkind/rowkind.toml"]
