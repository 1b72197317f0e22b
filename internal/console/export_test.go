package console

// Settle waits until nothing is verified in the background.
func (c *Console) Settle() { c.verifying.Wait() }
