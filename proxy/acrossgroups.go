package proxy

// acrossgroups.go: what becomes of a transaction that writes in more than one group. How that is done is not this
// file's business.

// acrossGroups is one of config.AcrossGroups: as the configuration says it.
func (c *session) acrossGroups() string { return c.srv.cfg.Transactions.AcrossGroups }
