#!/usr/bin/env bash
# What one GPU can show, in under eight minutes and one JSON file: benchmarks/gpu.sh [FILE]
set -euo pipefail
exec python "$(dirname "$0")/gpu.py" "$@"
