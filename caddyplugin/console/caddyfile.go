package console

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/option"
)

func init() {
	httpcaddyfile.RegisterDirective("transfer_console", parse)
	httpcaddyfile.RegisterDirectiveOrder("transfer_console", httpcaddyfile.After, "metrics") // after authentication
}

// parse parses the directive. The path is its argument, not a matcher: the handler
// itself looks at it. Syntax:
//
//	transfer_console [<path>] {
//		viewer   <user>...
//		reviewer <user>...
//		officer  <user>...
//		user <placeholder>
//		role <placeholder>
//		ledger <name> <folder>
//		allow_anonymous viewer|reviewer|officer
//	}
func parse(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // consume the directive's name
	c := &Console{At: option.Places{"": option.Position(h.Dispenser)}}
	if h.NextArg() {
		c.Prefix = h.Val()
	}
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	for nesting := h.Nesting(); h.NextBlock(nesting); {
		if err := c.parseOption(h.Dispenser); err != nil {
			return nil, err
		}
	}
	return h.NewRoute(nil, c), nil
}

func (c *Console) parseOption(d *caddyfile.Dispenser) error {
	once := func(name string, target *string) error {
		if *target != "" {
			return d.Errf("'%s' stands twice", name)
		}
		return option.Args(d, name+" <"+name+">", target)
	}
	switch name := d.Val(); name {
	case "viewer":
		return users(d, name, &c.Viewers)
	case "reviewer":
		return users(d, name, &c.Reviewers)
	case "officer":
		return users(d, name, &c.Officers)
	case "user":
		return once(name, &c.User)
	case "role":
		return once(name, &c.Role)
	case "ledger":
		other := new(Ledger)
		c.Ledgers = append(c.Ledgers, other)
		return option.Args(d, "ledger <name> <folder>", &other.Name, &other.Folder)
	case "allow_anonymous":
		return once(name, &c.AllowAnonymous)
	default:
		return d.Errf("transfer_console has no option '%s': there are viewer, reviewer, officer, user, role, ledger and allow_anonymous", name)
	}
}

// users reads who has a role. The option may be repeated.
func users(d *caddyfile.Dispenser, role string, all *[]string) error {
	names := d.RemainingArgs()
	if len(names) == 0 {
		return d.Errf("%s needs the names of users, or * for everybody who was authenticated", role)
	}
	*all = append(*all, names...)
	return nil
}
