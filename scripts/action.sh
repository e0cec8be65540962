#!/usr/bin/env bash
# The step of the GitHub Action: one review, its report as JSON and as SARIF, its text in the log, its verdict as the
# exit code. Takes its inputs from the environment, so that none of them is ever part of a shell's source.
set -uo pipefail

case "$VERB" in
  check) extra=() ;;
  review) extra=(--extra miniatures) ;;
  *) echo "::error::verb is '$VERB'; give check or review" && exit 2 ;;
esac

# xargs reads quotes as a shell does, and runs nothing
arguments=()
while IFS= read -r word; do arguments+=("$word"); done < <(printf '%s' "$ARGUMENTS" | xargs -r -n 1 printf '%s\n')

report="${RUNNER_TEMP:-/tmp}/windtunnel.json"
rm -f "$report"
reports=(--also "json=$report")
[ -n "$SARIF" ] && reports+=(--also "sarif=$SARIF")
uv run --quiet --project "$HERE" --package windtunnel --frozen --no-dev "${extra[@]}" \
  windtunnel "$VERB" "$EXPERIMENT" "${reports[@]}" "${arguments[@]}"
code=$?
if [ ! -s "$report" ]; then
  exit "$code"
fi
ready=false
[ "$code" -eq 0 ] && ready=true
{
  echo "is_code_ready=$ready"
  echo "report=$report"
} >> "${GITHUB_OUTPUT:-/dev/stdout}"
if [ "$code" -eq 3 ] && [ "$UNDECIDED" = pass ]; then
  exit 0
fi
exit "$code"
