package fetch

import "time"

// Age makes the open connections older.
func (c *Client) Age(by time.Duration) {
	now := c.current.Load()
	c.current.Store(&connections{http: now.http, born: now.born.Add(-by)})
}
