#!/bin/sh
# Makes the Go code of orders.proto anew. protoc is the system's (Debian:
# protobuf-compiler), its plugins are pinned in tools.mod.
set -eu
cd "$(dirname "$0")/../../.." # a file is registered under its path, which is to be unique in any program
plugins=$(mktemp -d)
trap 'rm -rf "$plugins"' EXIT
for plugin in google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc; do
  go build -modfile=tools.mod -o "$plugins/" "$plugin"
done
PATH="$plugins:$PATH" protoc --go_out=. --go_opt=paths=source_relative \
  --go-grpc_out=. --go-grpc_opt=paths=source_relative targets/grpc/orderspb/orders.proto
