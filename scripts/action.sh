#!/usr/bin/env bash
# What action.yml runs: options from MASKPROOF_ variables, reports in a folder, and maskproof's own exit status.
set -uo pipefail

args=(fuzz)
option() { # option FLAG VALUE: where the value is not empty
  if [ -n "$2" ]; then args+=("$1" "$2"); fi
}
options() { # options FLAG LINES: the flag before each line
  local line
  while IFS= read -r line; do option "$1" "$(trimmed "$line")"; done <<< "$2"
}
trimmed() {
  local text=${1#"${1%%[![:space:]]*}"}
  printf '%s' "${text%"${text##*[![:space:]]}"}"
}

options --backend "${MASKPROOF_BACKEND:-}"
options --property "${MASKPROOF_PROPERTY:-}"
option --mode "${MASKPROOF_MODE:-}"
option --runs "${MASKPROOF_RUNS:-}"
option --seconds "${MASKPROOF_SECONDS:-}"
option --seed "${MASKPROOF_SEED:-}"
case ${MASKPROOF_SHARD:-} in
  matrix) option --shard "$((${MASKPROOF_JOB_INDEX:-0} + 1))/${MASKPROOF_JOB_TOTAL:-1}" ;;
  *) option --shard "${MASKPROOF_SHARD:-}" ;;
esac
option --corpus "${MASKPROOF_CORPUS:-}"
option --known-failures "${MASKPROOF_KNOWN_FAILURES:-}"
while IFS= read -r line; do
  line=$(trimmed "$line")
  # '--flag value' on a line is a flag and one value, whatever is in it.
  case $line in
    '') ;;
    --*' '*) args+=("${line%% *}" "$(trimmed "${line#* }")") ;;
    *) args+=("$line") ;;
  esac
done <<< "${MASKPROOF_ARGS:-}"

reports=${MASKPROOF_REPORTS:-maskproof-reports}
mkdir -p "$reports"
for kind in json junit sarif html; do
  file=$reports/maskproof.$kind
  if [ "$kind" = junit ]; then file=$reports/maskproof.xml; fi
  args+=("--$kind" "$file")
done

if ! npx --no-install maskproof --version > /dev/null 2>&1; then
  if [ -z "${MASKPROOF_VERSION:-}" ]; then
    echo '::error::maskproof is not installed here. Run `npm ci` before this action with maskproof in devDependencies, or give its version.'
    exit 2
  fi
  npm install --no-save --no-audit --no-fund "maskproof@$MASKPROOF_VERSION" || exit 2
fi

npx --no-install maskproof "${args[@]}"
code=$?
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  echo "exit-code=$code" >> "$GITHUB_OUTPUT"
  echo "reports=${MASKPROOF_DIRECTORY:-.}/$reports" >> "$GITHUB_OUTPUT"
fi
exit "$code"
