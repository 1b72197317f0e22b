// Package sitecheck says what a site with a transfer handler may not do: let its
// requests out by a side door, speak in the gateway's name, or reach a region by
// an address that is not the region's. It takes configuration as it is written,
// and knows no gateway.
//
// Everything that Caddy does not offer and is read out of it all the same stands
// in caddycompat.go.
package sitecheck
