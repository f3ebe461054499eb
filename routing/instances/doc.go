// Package instances is the register of the processes that serve: who they are, what they do,
// whether they live, and what they lead.
//
// A process enters itself when it starts, beats every few seconds, says that it drains while
// it finishes what is in hand, and that it is offline when it ends. One that is silent is
// marked offline by the others. All times are the database's. The register is for people and
// tools: nothing decides by it. What one process does at a time is decided by internal/lead.
//
// Processes serve every tenant, so their rows belong to the operator.
package instances
