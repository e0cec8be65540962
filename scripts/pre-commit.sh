#!/usr/bin/env bash
# The pre-commit hook: `windtunnel check` of the repository that is being committed, from this checkout and its lock.
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
# options alone leave PATH to the hook; a word of the hook's `args` that is no option is PATH
for word in "$@"; do
  case "$word" in -*) ;; *) exec uv run --quiet --project "$here" --package windtunnel --frozen --no-dev windtunnel check "$@" ;; esac
done
exec uv run --quiet --project "$here" --package windtunnel --frozen --no-dev windtunnel check . "$@"
