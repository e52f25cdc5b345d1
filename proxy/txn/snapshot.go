package txn

// SnapshotSQL is a read that does nothing but open a branch's read view, as WITH CONSISTENT SNAPSHOT does where there is no
// XA START.
func (m *Manager) SnapshotSQL() string { return "SELECT 1 FROM " + m.table("xa_decision") + " LIMIT 1" }
