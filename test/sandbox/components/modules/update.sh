#!/bin/sh
# Moves a pinned module to other versions and tidies it. With module@version arguments these are required first, without
# any the module is only tidied. Afterwards change the version in table.go (a test tells when it is forgotten).
#
#   modules/update.sh etcd go.etcd.io/etcd/server/v3@v3.7.3
#   modules/update.sh kwok sigs.k8s.io/kwok@v0.8.0
#   modules/update.sh kubernetes v1.37.2      # every k8s.io staging module moves with it
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for f in "$here/$name"/*.txt; do cp "$f" "$work/$(basename "$f" .txt)"; done
cd "$work"
export GOWORK=off
if [ "$name" = kubernetes ] && [ $# -gt 0 ]; then
	go mod edit -require "k8s.io/kubernetes@$1"
	for staged in $(sed -n 's/^\t\(k8s.io\/[a-z-]*\) => .*/\1/p' go.mod); do
		go mod edit -replace "$staged=$staged@v0${1#v1}"
	done
elif [ $# -gt 0 ]; then
	go get "$@"
fi
go mod tidy
for f in "$here/$name"/*.txt; do cp "$(basename "$f" .txt)" "$f"; done
