#!/usr/bin/env bash
# The main job: build the command, drive every style of target at rising load,
# and leave a run folder with figures. Flags go to "onhold run": see
# ./run.sh --help. --quick takes half a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
if ! command -v go >/dev/null; then
  echo "run.sh: Go is needed (1.26 or newer) and was not found on PATH: see https://go.dev/doc/install" >&2
  exit 2
fi
CGO_ENABLED=0 go build -buildvcs=auto -o bin/onhold ./bench/cmd/onhold
exec bin/onhold run "$@"
