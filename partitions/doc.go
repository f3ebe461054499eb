// Package partitions looks after the time partitions of Sluice's event tables: it makes
// them ahead of the clock, fills gaps, retires old ones and says how things stand.
//
// Partitions cover whole UTC days, weeks (from Monday) or months, by the policy of each
// table in core.partition_policy. There is no default partition: it would block
// attaching new ones and forbid detaching old ones concurrently.
//
// Nothing here holds up an import for longer than Config.LockTimeout: partitions are made
// beside their table and attached under SHARE UPDATE EXCLUSIVE, and retired by DETACH
// CONCURRENTLY. A run may be cut short at any point; the next one finishes what it left.
// Any number may run at once.
//
// Ensure makes what is due. Maintain is one pass over everything, Plan says what that would
// do, Inspect how things stand. Cover makes a partition for a moment outside what is due,
// Bounds says beforehand for which moments it would. Attach brings a retired partition back,
// from its file or from the table that was kept. All but Bounds and Inspect need
// a connection that acts as the owner of the tables, for this work alone: locks and
// settings of the session are used, so no connection of a pooler in transaction mode.
package partitions
