package policystore

import (
	"reflect"
	"slices"
	"sync"
	"time"
	"weak"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
)

// Common finds what the stores of a process have in common, one a configuration,
// so that a reload that changes neither policy nor sites decodes and compiles
// nothing: the time that takes is taken from connections that wait. It keeps
// nothing alive: what the last store lets go of is gone. What it finds never
// changes. The zero Common has found nothing yet.
type Common struct {
	mu        sync.Mutex
	registers weak.Pointer[config.Registers] // those read last; guarded by mu
	tables    []weak.Pointer[decision.Table] // guarded by mu
}

// read reads a policy's folder, or the embedded policy if dir is empty.
func (c *Common) read(dir string) (*config.Folder, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	folder, err := config.Reread(dir, c.registers.Value())
	if err == nil {
		c.registers = weak.Make(folder.Registers)
	}
	return folder, err
}

// compiler is decision.Compile or decision.CompileLazily.
type compiler func(*decision.Policy, decision.Site, time.Time, func(*decision.Decision)) (*decision.Table, error)

// table returns the policy's table for a site that is in force at t, and compiles
// it if no configuration has it.
func (c *Common) table(p *decision.Policy, site decision.Site, t time.Time, compile compiler) (*decision.Table, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found *decision.Table
	c.tables = slices.DeleteFunc(c.tables, func(pointer weak.Pointer[decision.Table]) bool {
		table := pointer.Value()
		if table != nil && table.Policy() == p && inForce(table, t) && reflect.DeepEqual(table.Site(), site) {
			found = table
		}
		return table == nil
	})
	if found != nil {
		return found, nil
	}
	table, err := compile(p, site, t, fields.Finish)
	if err == nil {
		c.tables = append(c.tables, weak.Make(table))
	}
	return table, err
}

// Alive counts the tables that a store which is made next would find.
func (c *Common) Alive() (alive int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pointer := range c.tables {
		if pointer.Value() != nil {
			alive++
		}
	}
	return alive
}

// Forget leaves out what was found until now.
func (c *Common) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tables = nil
}
