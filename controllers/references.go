package controllers

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/reference"
)

// references reads the members of the object of references, whose keys are
// activities. Null is as good as no key, and so is an object without members.
func references(dec *json.Decoder, value json.Token) (map[string]decision.Reference, error) {
	if value == nil {
		return nil, nil
	}
	if value != json.Delim('{') {
		return nil, errors.New("references is not an object; write the activity and its reference")
	}
	list := map[string]decision.Reference{}
	err := members(dec, func(activity string, value json.Token) error {
		written, err := text("references", value)
		if err != nil || written == "" {
			return err
		}
		r, err := reference.Parse(written)
		if err != nil {
			return fmt.Errorf("an item of references is %w", err)
		}
		if _, twice := list[activity]; twice {
			return errors.New("references names an activity twice") // which may be a person's words
		}
		list[activity] = r
		return nil
	})
	if len(list) == 0 {
		list = nil
	}
	return list, err
}
