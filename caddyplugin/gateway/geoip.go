package gateway

import (
	"fmt"

	"github.com/sparkoo/transfergate/internal/geo"
)

// embeddedGeoIP is the word for the database that comes with the gateway.
const embeddedGeoIP = "embedded"

// provisionGeo opens the country database.
func (a *App) provisionGeo() (err error) {
	switch a.GeoIP {
	case "":
		return nil
	case embeddedGeoIP:
		a.geo, err = geo.NewEmbeddedSource()
	default:
		a.geo, err = geo.NewSource(a.GeoIP, a.lastGood.Slot(whatGeoIP, a.GeoIP), a.ctx.Slogger())
	}
	if err != nil {
		return fmt.Errorf("geoip: %w", err)
	}
	if !a.geo.Status().LastGood.IsZero() {
		notTaken(whatGeoIP)
	}
	return nil
}
