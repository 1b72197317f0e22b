package sitecheck

import (
	"fmt"
	"maps"
	"slices"
)

// known says what a matcher can know where it stands.
type known struct{ region, outcome bool }

// checkMatchers refuses transfer_region and transfer_outcome where their answer
// is not known yet. A region is known in its own block, everything in intercept.
func checkMatchers(v any, k known) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := checkMatchers(item, k); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			_, matcher := v[key].(map[string]any)
			within := k
			switch {
			case matcher && key == "transfer_region" && !k.region, matcher && key == "transfer_outcome" && !k.outcome:
				return fmt.Errorf("matcher %s stands where its answer is not known yet: use it in intercept%s", key, alsoKnown[key])
			case key == "regions" && v["handler"] == "transfer":
				within = known{region: true}
			case key == "handle_response" && v["handler"] == "intercept":
				within = known{region: true, outcome: true}
			}
			if err := checkMatchers(v[key], within); err != nil {
				return err
			}
		}
	}
	return nil
}

var alsoKnown = map[string]string{"transfer_region": ", or in a region's block"}
