# syntax=docker/dockerfile:1
# An image with only the server, which runs as an unprivileged user. Cache mounts keep compiled dependencies.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package taskwell && cp target/release/taskwell /taskwell

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home taskwell
COPY --from=build /taskwell /usr/local/bin/taskwell
USER taskwell
# The default database is a file in this folder.
WORKDIR /data
VOLUME /data
ENV HOST=0.0.0.0
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["taskwell"]
