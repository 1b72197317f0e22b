//go:build never

// Package deps holds versions while the house is being built; it goes before the first commit.
package deps

import (
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	_ "github.com/dunglas/httpsfv"
	_ "github.com/google/uuid"
	_ "github.com/hashicorp/go-memdb"
	_ "github.com/minio/minio-go/v7"
	_ "github.com/oschwald/geoip2-golang/v2"
	_ "go.uber.org/zap"
	_ "go.yaml.in/yaml/v3"
	_ "golang.org/x/net/http2"
	_ "golang.org/x/sys/unix"
	_ "pgregory.net/rapid"
)
